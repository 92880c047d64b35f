import { createHash } from 'node:crypto';
import type { Db, Queryable } from '../db/database.ts';
import { compileMail, type MailTemplates, type TemplateSources } from './templates.ts';

/** The identity of templates: a hash of their text. */
const hashOf = ({ sources: { subject, html, text } }: MailTemplates): string =>
  createHash('sha256')
    .update(JSON.stringify([subject, html, text]))
    .digest('hex');

/** The templates that mails were written with, each kept once, so that what was sent can be seen again. */
export class KeptTemplates {
  readonly #db: Db;
  readonly #kept = new Map<MailTemplates, Promise<string>>();
  readonly #found = new Map<string, Promise<MailTemplates | undefined>>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Keeps templates before a mail is written with them. @returns their hash. */
  keep(templates: MailTemplates): Promise<string> {
    return remember(this.#kept, templates, async () => {
      const hash = hashOf(templates);
      const { subject, html, text } = templates.sources;
      await this.#db.query(
        `insert into donations.receipt_templates (hash, subject, html, text)
         values ($1, $2, $3, $4) on conflict (hash) do nothing`,
        [hash, subject, html, text],
      );
      return hash;
    });
  }

  /** The templates of this hash. */
  find(hash: string): Promise<MailTemplates | undefined> {
    return remember(this.#found, hash, () => findTemplates(this.#db, hash));
  }
}

/** Does it once for each key; what failed is done again. */
function remember<Key, Value>(
  map: Map<Key, Promise<Value>>,
  key: Key,
  work: () => Promise<Value>,
): Promise<Value> {
  const known = map.get(key);
  if (known) return known;
  const begun = work();
  map.set(key, begun);
  begun.catch(() => map.delete(key));
  return begun;
}

/** The templates of this hash as they were when a mail was written with them. */
export async function findTemplates(
  db: Queryable,
  hash: string,
): Promise<MailTemplates | undefined> {
  const { rows } = await db.query<TemplateSources>(
    'select subject, html, text from donations.receipt_templates where hash = $1',
    [hash],
  );
  return rows[0] && compileMail(rows[0]);
}
