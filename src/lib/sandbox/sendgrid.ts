import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { json } from '../http/server.ts';
import type { LocalStore } from '../local/sqlite.ts';
import type { Answer, Double, SandboxRequest } from './double.ts';
import { type Mail, mailErrors, type Personalization } from './sendgrid-validation.ts';

/** The number of stored mail bodies, so that a long load test does not fill the disk. */
const CONTENTS_KEPT = 2000;
const PRUNE_EVERY = 500;

const SCOPES = ['mail.send', 'mail.batch.create', 'suppression.read', 'user.profile.read'];

/** Called with the outcome of a mail, once for each recipient. `args` are its custom arguments. */
export type MailListener = (event: {
  event: 'processed' | 'delivered' | 'deferred' | 'bounce' | 'dropped' | 'spamreport';
  email: string;
  messageId: string;
  args: Record<string, string>;
  fields: Record<string, string>;
}) => void;

/** The part of SendGrid's v3 API that we use. */
export function sendgridDouble(options: {
  store: LocalStore;
  now: () => number;
  onEvent: MailListener;
}): Double {
  const { store, now, onEvent } = options;

  function send(body: string): Answer {
    let mail: Mail;
    try {
      mail = JSON.parse(body);
    } catch {
      return refuse(400, 'Bad Request');
    }
    const errors = mailErrors(mail);
    if (errors.length > 0) return json(400, { errors });
    if (mail.mail_settings?.sandbox_mode?.enable) return { status: 200, headers: {}, body: '' };
    const messageId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    store.transaction(() => {
      mail.personalizations.forEach((person, at) => {
        accept(mail, person, at === 0 ? messageId : `${messageId}.${at}`, body);
      });
    });
    return { status: 202, headers: { 'X-Message-Id': messageId }, body: '' };
  }

  function accept(mail: Mail, person: Personalization, id: string, body: string): void {
    const args = { ...mail.custom_args, ...person.custom_args };
    const everyone = [...person.to, ...(person.cc ?? []), ...(person.bcc ?? [])];
    const outcomes = everyone.map(({ email }) => deliver(email, id, args));
    const { seq } = store.get<{ seq: number }>(
      `insert into sendgrid_messages
         (id, accepted_ms, sender, recipient, subject, receipt_id, donation_id, delivery_id, outcome)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning seq`,
      id,
      now(),
      mail.from.email,
      person.to.map(({ email }) => email).join(', '),
      person.subject ?? mail.subject ?? '',
      args.receipt_id ?? null,
      args.donation_id ?? null,
      args.delivery_id ?? null,
      outcomes[0],
    ) as { seq: number };
    store.run('insert into sendgrid_contents (seq, mail) values (?, ?)', seq, body);
    if (seq % PRUNE_EVERY === 0) {
      store.run('delete from sendgrid_contents where seq <= ?', seq - CONTENTS_KEPT);
    }
  }

  /** Determines the outcome and the events of one recipient's mail. */
  function deliver(email: string, messageId: string, args: Record<string, string>): string {
    const tell = (
      event: Parameters<MailListener>[0]['event'],
      fields: Record<string, string> = {},
    ) => onEvent({ event, email, messageId, args, fields });
    const reason = suppressionOf(email);
    if (reason) {
      tell('dropped', { reason, status: '5.0.0' });
      return 'dropped';
    }
    tell('processed');
    switch (specialPart(email)) {
      case 'bounce':
        tell('bounce', {
          type: 'bounce',
          status: '5.1.1',
          reason: '550 5.1.1 The email account does not exist',
        });
        suppress('bounces', email, '550 5.1.1 The email account does not exist');
        return 'bounced';
      case 'deferred':
        tell('deferred', {
          response: '450 4.2.1 The user is receiving mail too quickly',
          attempt: '1',
        });
        break;
      case 'spam':
        tell('delivered', { response: '250 OK' });
        tell('spamreport');
        suppress('spam_reports', email, 'marked as spam');
        return 'delivered';
    }
    tell('delivered', { response: '250 OK' });
    return 'delivered';
  }

  function suppressionOf(email: string): string | undefined {
    if (specialPart(email) === 'dropped') return 'Unsubscribed Address';
    const row = store.get<{ list: string }>(
      'select list from sendgrid_suppressions where email = ? limit 1',
      email.toLowerCase(),
    );
    return row && DROP_REASONS[row.list];
  }

  function suppress(list: string, email: string, reason: string): void {
    store.run(
      'insert or replace into sendgrid_suppressions (list, email, reason, created) values (?, ?, ?, ?)',
      list,
      email.toLowerCase(),
      reason,
      Math.floor(now() / 1000),
    );
  }

  function suppressions({ method, path }: SandboxRequest): Answer {
    const [, , , list = '', email] = path.split('/').map(decodeURIComponent);
    if (!Object.hasOwn(DROP_REASONS, list)) return refuse(404, 'not found');
    if (method === 'DELETE' && email) {
      const { changes } = store.run(
        'delete from sendgrid_suppressions where list = ? and email = ?',
        list,
        email.toLowerCase(),
      );
      return changes > 0
        ? { status: 204, headers: {}, body: '' }
        : refuse(404, 'resource not found');
    }
    if (method !== 'GET') return refuse(405, 'method not allowed');
    return json(
      200,
      store.all(
        'select created, email, reason from sendgrid_suppressions where list = ? and (? is null or email = ?) order by created desc limit 500',
        list,
        email ?? null,
        email?.toLowerCase() ?? null,
      ),
    );
  }

  function execute(request: SandboxRequest): Answer {
    const { method, path, body, headers } = request;
    if (!/^Bearer SG\.\S+$/.test(headers.authorization ?? '')) return refuse(401, UNAUTHORIZED);
    if (path === '/v3/mail/send') {
      return method === 'POST' ? send(body) : refuse(405, 'method not allowed');
    }
    if (path === '/v3/scopes' && method === 'GET') return json(200, { scopes: SCOPES });
    if (path.startsWith('/v3/suppression/')) return suppressions(request);
    return refuse(404, 'not found');
  }

  return {
    async handle(request, { latencyMs, error }) {
      if (latencyMs > 0) await sleep(latencyMs);
      if (error === 'before') return refuse(500, 'Internal Server Error');
      const answer = execute(request);
      return error === 'after' ? refuse(500, 'Internal Server Error') : answer;
    },
    refuse(refusal, retryAfterMs) {
      switch (refusal) {
        case 'unauthorized':
          return refuse(401, UNAUTHORIZED);
        case 'forbidden':
          return refuse(
            403,
            'The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.',
            'from',
          );
        case 'conflicts':
          return refuse(409, 'conflict');
        case 'unavailable':
          return refuse(503, 'Service Unavailable');
        case 'rateLimited': {
          const answer = refuse(429, 'too many requests');
          answer.headers['X-RateLimit-Remaining'] = '0';
          answer.headers['X-RateLimit-Reset'] = String(Math.ceil((now() + retryAfterMs) / 1000));
          return answer;
        }
      }
    },
  };
}

const UNAUTHORIZED = 'The provided authorization grant is invalid, expired, or revoked';

/** Why SendGrid drops mail to a suppressed address, by list. */
const DROP_REASONS: Record<string, string> = {
  bounces: 'Bounced Address',
  blocks: 'Blocked Address',
  spam_reports: 'Spam Reporting Address',
  invalid_emails: 'Invalid',
  unsubscribes: 'Unsubscribed Address',
};

/** Addresses such as `bounce@…` or `bounce+anything@…` have another outcome than `delivered`. */
function specialPart(email: string): string | undefined {
  return /^(bounce|dropped|deferred|spam)(?:\+.*)?@/i.exec(email)?.[1]?.toLowerCase();
}

const refuse = (status: number, message: string, field: string | null = null): Answer =>
  json(status, { errors: [{ message, field, help: null }] });
