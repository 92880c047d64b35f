import { randomBytes } from 'node:crypto';
import type { LocalStore } from '../../local/sqlite.ts';
import type { SandboxAnswer, SandboxRequest } from './http.ts';

interface Person {
  email?: unknown;
  name?: unknown;
}

interface Mail {
  from?: Person;
  subject?: unknown;
  template_id?: unknown;
  personalizations?: { to?: Person[]; cc?: Person[]; bcc?: Person[]; subject?: unknown }[];
  content?: { type?: unknown; value?: unknown }[];
  categories?: unknown[];
  custom_args?: Record<string, unknown>;
  mail_settings?: { sandbox_mode?: { enable?: boolean } };
}

interface FieldError {
  message: string;
  field: string | null;
  help: string | null;
}

const MAX_CUSTOM_ARGS_BYTES = 10_000;

/** SendGrid's v3 API as far as we use it: https://www.twilio.com/docs/sendgrid/api-reference/mail-send */
export class SendGridDouble {
  readonly #store: LocalStore;
  readonly #now: () => number;

  constructor(store: LocalStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Answers one request. */
  handle(request: SandboxRequest): SandboxAnswer {
    if (!/^Bearer SG\..+/.test(request.headers.authorization ?? '')) {
      return refuse(401, [problem('The provided authorization grant is invalid, expired, or revoked')]);
    }
    switch (`${request.method} ${request.path}`) {
      case 'GET /v3/scopes':
        return { status: 200, body: { scopes: ['mail.send', 'user.profile.read'] } };
      case 'POST /v3/mail/send':
        return this.#send(request.body);
      default:
        if (request.method === 'GET' && request.path.startsWith('/v3/suppression/')) return { status: 200, body: [] };
        return refuse(404, [problem('not found')]);
    }
  }

  #send(body: string): SandboxAnswer {
    let mail: Mail;
    try {
      mail = JSON.parse(body);
    } catch {
      return refuse(400, [problem('Bad Request')]);
    }
    const errors = validate(mail);
    if (errors.length > 0) return refuse(400, errors);
    if (mail.mail_settings?.sandbox_mode?.enable) return { status: 200 };
    const id = randomBytes(16).toString('base64url');
    const recipient = String(mail.personalizations?.[0]?.to?.[0]?.email);
    const customArgs = (mail.custom_args ?? {}) as Record<string, string>;
    this.#store.run(
      'insert into sandbox_mails values (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      this.#now(),
      recipient,
      String(mail.subject ?? mail.personalizations?.[0]?.subject ?? ''),
      customArgs.receipt_id ?? null,
      customArgs.delivery_id ?? null,
      customArgs.donation_id ?? null,
      body,
    );
    return { status: 202, headers: { 'X-Message-Id': id } };
  }
}

function validate(mail: Mail): FieldError[] {
  const errors: FieldError[] = [];
  const need = (valid: boolean, message: string, field: string) => {
    if (!valid) errors.push(problem(message, field));
  };
  need(isEmail(mail.from?.email), 'The from email does not contain a valid address.', 'from.email');
  const people = mail.personalizations;
  need(Array.isArray(people) && people.length > 0, 'The personalizations field is required and must have at least one personalization.', 'personalizations');
  need((people?.length ?? 0) <= 1000, 'The personalizations field may have at most 1000 personalizations.', 'personalizations');
  people?.forEach((person, i) => {
    const to = person.to ?? [];
    need(to.length > 0, 'The to array is required for all personalization objects, and must have at least one email object with a valid email address.', `personalizations.${i}.to`);
    const all = [...to, ...(person.cc ?? []), ...(person.bcc ?? [])].map(({ email }) => email);
    all.forEach((email, n) => {
      need(isEmail(email), 'Does not contain a valid address.', `personalizations.${i}.to.${n}.email`);
    });
    const unique = new Set(all.map((email) => String(email).toLowerCase()));
    need(unique.size === all.length, 'Each email address in the personalization block should be unique between to, cc, and bcc.', `personalizations.${i}`);
  });
  if (!mail.template_id) {
    const subjects = [mail.subject, ...(people ?? []).map(({ subject }) => subject)];
    need(subjects.some((subject) => typeof subject === 'string' && subject.length > 0), 'The subject is required.', 'subject');
    const content = mail.content ?? [];
    need(content.length > 0, 'Unless a valid template_id is provided, the content parameter is required.', 'content');
    content.forEach(({ type, value }, i) => {
      need(typeof value === 'string' && value.length > 0, 'The content value must be a string at least one character in length.', `content.${i}.value`);
      need(typeof type === 'string' && type.includes('/'), 'The content type must be a MIME type.', `content.${i}.type`);
    });
    const types = content.map(({ type }) => type);
    need(!types.includes('text/plain') || types[0] === 'text/plain', 'If present, text/plain and text/html may only be provided once, and text/plain must be first, followed by text/html.', 'content');
  }
  const categories = mail.categories ?? [];
  need(categories.length <= 10, 'There may be at most 10 categories.', 'categories');
  need(new Set(categories).size === categories.length, 'The categories must be unique.', 'categories');
  const args = Object.entries(mail.custom_args ?? {});
  need(args.every(([, value]) => typeof value === 'string'), 'The custom_args values must be strings.', 'custom_args');
  need(Buffer.byteLength(JSON.stringify(mail.custom_args ?? {})) <= MAX_CUSTOM_ARGS_BYTES, 'The custom_args must be at most 10000 bytes.', 'custom_args');
  return errors;
}

const isEmail = (value: unknown) => typeof value === 'string' && /^[^\s@<>]+@[^\s@<>.]+(\.[^\s@<>.]+)+$/.test(value);

const problem = (message: string, field: string | null = null): FieldError => ({ message, field, help: null });

const refuse = (status: number, errors: FieldError[]): SandboxAnswer => ({ status, body: { errors } });
