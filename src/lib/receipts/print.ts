import { link, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recordAudit } from '../audit/record.ts';
import type { Plan } from '../bulk/change.ts';
import type { Db, Queryable } from '../db/database.ts';
import { configurationError, UserError } from '../errors.ts';
import { newId } from '../ids.ts';
import { CANNOT_BE_MAILED } from './addresses.ts';
import type { ReceiptContent } from './content.ts';
import { lockReceipts } from './find-receipt.ts';
import type { PrintedReceipt, ReceiptPdf } from './pdf.ts';
import type { Decision } from './resend.ts';

/** Which receipts are printed. */
export interface PrintRequest {
  /** Their ids; undefined: all that wait for it, since their donors cannot be mailed. */
  receipts: string[] | undefined;
  /** Also those that were printed before, as copies. */
  again: boolean;
}

interface Printable extends PrintedReceipt {
  id: string;
  number: string;
}

export interface PrintPlan extends Plan {
  receipts: Printable[];
}

interface Row {
  id: string;
  number: string;
  content: ReceiptContent;
  copy: boolean;
  skip: string | null;
  at: Date;
}

/** SQL: the donor `n` with the address `e` cannot be mailed, and the receipt `r` was not mailed before. */
const WAITS_FOR_PRINT = `r.status = 'issued' and ${CANNOT_BE_MAILED}
  and not exists (
    select 1 from donations.receipt_deliveries d
    where d.receipt_id = r.id and d.channel = 'email' and d.status <> 'failed' and d.bounced_at is null)`;

async function look(tx: Queryable, { receipts, again }: PrintRequest): Promise<Row[]> {
  const { rows } = await tx.query<Row>(
    `select r.id, r.label as number, r.content, now() as at, s.sent or p.at is not null as copy,
       case
         when r.status = 'void' then 'it is void'
         when s.under_way then 'its mail is on its way'
         when s.held then 'its mail may have been sent: donations receipts resolve'
         when not s.sent and p.at is null and r.kind <> 'refund' and exists (
           select 1 from donations.receipt_donations c cross join lateral (
             select f.recorded_at from donations.refunds f where f.donation_id = c.donation_id
             union all
             select o.recorded_at from donations.disputes o where o.donation_id = c.donation_id and o.status = 'lost'
           ) given_back where c.receipt_id = r.id and given_back.recorded_at > r.created_at)
           then 'a gift was returned since: donations receipts reissue'
         when p.at is not null and not $2 then
           'it was printed on ' || to_char(p.at at time zone 'utc', 'YYYY-MM-DD') || ' (' || p.evidence || '): --again prints a copy'
       end as skip
     from donations.receipts r
     join donations.donors n on n.id = r.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     cross join lateral (
       select coalesce(bool_or(d.status in ('pending', 'sending')), false) as under_way,
         coalesce(bool_or(d.status = 'held'), false) as held,
         coalesce(bool_or(d.status = 'accepted' and d.bounced_at is null), false) as sent
       from donations.receipt_deliveries d where d.receipt_id = r.id) s
     left join lateral (
       select d.accepted_at as at, d.evidence from donations.receipt_deliveries d
       where d.receipt_id = r.id and d.channel = 'paper' order by d.accepted_at desc limit 1) p on true
     where case when $1::text[] is null then ${WAITS_FOR_PRINT} else r.id = any ($1) end
     order by r.series, r.number`,
    [receipts ?? null, again],
  );
  return rows;
}

/** What would be printed, and what not, with the reason. */
export async function planPrint(db: Db, request: PrintRequest): Promise<PrintPlan> {
  const rows = await look(db, request);
  const receipts = rows.filter(({ skip }) => skip === null);
  const skipped = new Map<string, number>();
  for (const { skip } of rows) if (skip) skipped.set(skip, (skipped.get(skip) ?? 0) + 1);
  return {
    receipts,
    eligible: receipts.length,
    count: receipts.length,
    skipped: [...skipped].map(([reason, count]) => ({ reason, count })),
    effects: [],
    examples: receipts.slice(0, 3).map(({ id, number, content, copy }) => ({
      id,
      text: `${number}  ${content.donor.name}${copy ? '  (copy)' : ''}`,
    })),
    at: rows[0]?.at ?? new Date(),
  };
}

/**
 * Writes the planned receipts into a file and records that they were printed. The file gets its name
 * after that is recorded: what is in a finished file is never printed again by accident. A process that
 * dies in between leaves `.NAME.part`, which the next print into the same file does not replace.
 *
 * @param pdf makes the document.
 * @throws UserError `failed` when the file or its `.part` exists; `try_again` when one of the receipts was sent, printed
 * or made void since the plan.
 */
export async function printReceipts(
  db: Db,
  request: PrintRequest,
  { receipts }: PrintPlan,
  { file, pdf, ...decision }: Decision & { file: string; pdf: ReceiptPdf['render'] },
): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.part`);
  const [first, ...others] = receipts;
  if (!first) return;
  await refuseExisting(file);
  await writeThrough(part, await pdf([first, ...others]));
  try {
    await db.transaction(async (tx) => {
      const ids = receipts.map(({ id }) => id);
      await lockReceipts(tx, ids);
      const now = await look(tx, { ...request, receipts: ids });
      const same = receipts.every(({ id, copy }) =>
        now.some((row) => row.id === id && row.skip === null && row.copy === copy),
      );
      if (!same)
        throw new UserError(
          'try_again',
          'the receipts have changed since the plan',
          'Nothing was printed. Run the command again.',
        );
      await record(tx, receipts, file, decision);
    });
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  try {
    // Not a rename, which would replace a file of this name.
    await link(part, file);
  } catch (error) {
    throw new UserError(
      'failed',
      `${file} cannot be made (${(error as NodeJS.ErrnoException).code})`,
      `The receipts are recorded as printed, and are in ${part}.`,
    );
  }
  await rm(part, { force: true });
}

async function record(
  tx: Queryable,
  receipts: Printable[],
  file: string,
  decision: Decision,
): Promise<void> {
  const name = basename(file);
  await tx.query(
    `insert into donations.receipt_deliveries
       (id, receipt_id, channel, kind, recipient, status, accepted_at, evidence)
     select id, receipt, 'paper', kind, $2, 'accepted', now(), $3
     from json_to_recordset($1::json) as p(id text, receipt text, kind text)`,
    [
      JSON.stringify(
        receipts.map(({ id, copy }) => ({
          id: newId('delivery'),
          receipt: id,
          kind: copy ? 'copy' : 'original',
        })),
      ),
      `paper: ${name}`,
      `printed by ${decision.actor} into ${name}`,
    ],
  );
  await recordAudit(tx, {
    ...decision,
    action: 'receipts.print',
    affected: receipts.length,
    detail: { file, numbers: receipts.map(({ number }) => number) },
  });
}

async function refuseExisting(file: string): Promise<void> {
  try {
    await (await open(file, 'r')).close();
  } catch {
    return;
  }
  throw new UserError(
    'failed',
    `${file} exists`,
    'Nothing was printed. Name another file with -o.',
  );
}

/** Writes a new file that survives a power cut. */
async function writeThrough(path: string, bytes: Buffer): Promise<void> {
  try {
    // Never replaces a file: it may be the only document of receipts that are recorded as printed.
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UserError(
        'failed',
        `${path} is left from a print that did not end`,
        'Nothing was printed now. Look into that file: if its receipts are recorded as printed (donations receipts show), move it to a safe place; if not, remove it.',
      );
    throw configurationError(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      'Name a file in a directory that you may write to, with -o.',
    );
  }
}
