import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, mail, mailerOn, type TestSandbox, testSandbox } from './harness.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await testSandbox();
});
afterAll(() => sandbox.close());

const send = (extra: Record<string, unknown> = {}) => sandbox.mailer.send(mail(extra));

/** A raw request, for bodies that the client would refuse. */
const post = (body: unknown, key = 'SG.sandbox') =>
  fetch(`${sandbox.server.url}/v3/mail/send`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const body = (extra: Record<string, unknown> = {}) => ({
  from: { email: 'gifts@example.org' },
  personalizations: [{ to: [{ email: 'donor@example.org' }] }],
  subject: 'Thanks',
  content: [{ type: 'text/plain', value: 'Thank you.' }],
  ...extra,
});

describe('a mail', () => {
  test('is accepted with 202, an empty body and X-Message-Id', async () => {
    const [response] = await send();
    expect(response).toMatchObject({ statusCode: 202, body: '' });
    const id = response.headers['x-message-id'] as string;
    expect(id).toMatch(/^[\w-]{20,}$/);
    const { mail: envelope, message } = await sandbox.admin.message(id);
    expect(envelope).toMatchObject({
      to: 'donor@example.org',
      from: 'gifts@example.org',
      subject: 'Your receipt',
      outcome: 'delivered',
    });
    expect(message?.content).toEqual([
      { type: 'text/plain', value: 'Thank you.' },
      { type: 'text/html', value: '<p>Thank you.</p>' },
    ]);
    expect((await sandbox.admin.message(id.slice(0, 12))).mail.id).toBe(id);
    expect(await failureOf(sandbox.admin.message('nothing'))).toMatchObject({ code: 'not_found' });
  });

  test('can be counted by its custom arguments', async () => {
    const customArgs = { receipt_id: 'rcp_1', donation_id: 'don_1', delivery_id: 'dlv_1' };
    await send({ customArgs });
    await send({ customArgs: { ...customArgs, delivery_id: 'dlv_2' } });
    expect(await sandbox.admin.inbox({ receiptId: 'rcp_1' })).toMatchObject([
      { delivery_id: 'dlv_2', donation_id: 'don_1' },
      { delivery_id: 'dlv_1' },
    ]);
    expect(await sandbox.admin.inbox({ deliveryId: 'dlv_1' })).toHaveLength(1);
    expect(await sandbox.admin.inbox({ donationId: 'don_2' })).toEqual([]);
    expect(await sandbox.admin.inbox({ limit: 1 })).toHaveLength(1);
  });

  test('to several personalizations is several mails', async () => {
    const before = (await sandbox.admin.stats()).mails;
    const person = (email: string) => ({ to: [{ email }], custom_args: { receipt_id: email } });
    const response = await post(
      body({ personalizations: [person('one@example.org'), person('two@example.org')] }),
    );
    expect(response.status).toBe(202);
    expect((await sandbox.admin.stats()).mails).toBe(before + 2);
    expect(await sandbox.admin.inbox({ receiptId: 'two@example.org' })).toHaveLength(1);
  });

  test('of a template needs neither subject nor content', async () => {
    const [response] = await sandbox.mailer.send({
      to: 'donor@example.org',
      from: 'gifts@example.org',
      templateId: 'd-123',
      dynamicTemplateData: { amount: '$50.00' },
    });
    expect(response.statusCode).toBe(202);
  });

  test('in sandbox mode is validated, answered with 200, and not delivered', async () => {
    const before = (await sandbox.admin.stats()).mails;
    const mailSettings = { sandboxMode: { enable: true } };
    const [response] = await send({ mailSettings });
    expect(response.statusCode).toBe(200);
    expect(response.headers['x-message-id']).toBeUndefined();
    expect((await sandbox.admin.stats()).mails).toBe(before);
    expect(
      (await post({ ...body({ subject: '' }), mail_settings: { sandbox_mode: { enable: true } } }))
        .status,
    ).toBe(400);
  });
});

describe('a mail is refused', () => {
  const to = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ to: [{ email: `a${i}@example.org` }] }));
  test.each<[string, unknown, string | null]>([
    ['what is not JSON', '{', null],
    ['what is not an object', [], null],
    ['no from', body({ from: undefined }), 'from'],
    ['a from that is no address', body({ from: { email: 'nobody' } }), 'from.email'],
    ['no personalizations', body({ personalizations: [] }), 'personalizations'],
    ['1001 personalizations', body({ personalizations: to(1001) }), 'personalizations'],
    ['nobody to send to', body({ personalizations: [{ to: [] }] }), 'personalizations.0.to'],
    [
      'an invalid recipient',
      body({ personalizations: [{ to: [{ email: 'a@b' }] }] }),
      'personalizations.0.to.0.email',
    ],
    [
      'an invalid copy',
      body({ personalizations: [{ to: [{ email: 'a@b.co' }], cc: [{ email: 'x' }] }] }),
      'personalizations.0.cc.0.email',
    ],
    [
      'a recipient twice',
      body({ personalizations: [{ to: [{ email: 'a@b.co' }], bcc: [{ email: 'A@b.co' }] }] }),
      'personalizations.0',
    ],
    ['no subject', body({ subject: undefined }), 'subject'],
    ['an empty subject', body({ subject: '' }), 'subject'],
    ['no content', body({ content: undefined }), 'content'],
    ['an empty content', body({ content: [{ type: 'text/plain', value: '' }] }), 'content.0.value'],
    ['a content without type', body({ content: [{ value: 'x' }] }), 'content.0.type'],
    [
      'HTML before text',
      body({
        content: [
          { type: 'text/html', value: 'x' },
          { type: 'text/plain', value: 'x' },
        ],
      }),
      'content',
    ],
    [
      '11 categories',
      body({ categories: Array.from({ length: 11 }, (_, i) => `c${i}`) }),
      'categories',
    ],
    ['a category twice', body({ categories: ['a', 'a'] }), 'categories'],
    [
      'a custom argument that is no string',
      body({ custom_args: { receipt_id: 1 } }),
      'custom_args.receipt_id',
    ],
    [
      'custom arguments of more than 10,000 bytes',
      body({ custom_args: { x: 'é'.repeat(5000) } }),
      'custom_args',
    ],
  ])('for %s', async (_what, refused, field) => {
    const before = (await sandbox.admin.stats()).mails;
    const response = await post(refused);
    expect(response.status).toBe(400);
    expect(response.headers.get('x-message-id')).toBeNull();
    const { errors } = (await response.json()) as { errors: object[] };
    expect(errors).toContainEqual({
      message: expect.any(String),
      field,
      help: field === null || errors.length === 0 ? null : expect.anything(),
    });
    expect((await sandbox.admin.stats()).mails).toBe(before);
  });

  test('1000 personalizations are not too many', async () => {
    expect((await post(body({ personalizations: to(1000) }))).status).toBe(202);
  });

  test('by the client with the body of the answer', async () => {
    expect(await failureOf(send({ to: 'nobody' }))).toMatchObject({
      code: 400,
      response: { body: { errors: [{ field: 'personalizations.0.to.0.email' }] } },
    });
  });

  test('for a key that is not one', async () => {
    expect(
      await failureOf(mailerOn(sandbox.server, 5000, 'sk_test_sandbox').send(mail())),
    ).toMatchObject({ code: 401 });
    expect((await fetch(`${sandbox.server.url}/v3/scopes`)).status).toBe(401);
  });

  test('for a path or method that there is not', async () => {
    const headers = { Authorization: 'Bearer SG.sandbox' };
    expect((await fetch(`${sandbox.server.url}/v3/mail/send`, { headers })).status).toBe(405);
    expect((await fetch(`${sandbox.server.url}/v3/nothing`, { headers })).status).toBe(404);
  });
});

test('the scopes of the key can be asked', async () => {
  const response = await fetch(`${sandbox.server.url}/v3/scopes`, {
    headers: { Authorization: 'Bearer SG.sandbox' },
  });
  expect(await response.json()).toMatchObject({ scopes: expect.arrayContaining(['mail.send']) });
});

test('an address that bounced is suppressed: accepted with 202, and dropped', async () => {
  const outcome = async (address: string) => {
    const [{ headers }] = await send({ to: address });
    return (await sandbox.admin.message(headers['x-message-id'])).mail.outcome;
  };
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`${sandbox.server.url}/v3/suppression/${path}`, {
      method,
      headers: { Authorization: 'Bearer SG.sandbox' },
    });
    return response.status === 200 ? response.json() : response.status;
  };
  expect(await outcome('bounce+1@example.org')).toBe('bounced');
  expect(await outcome('bounce+1@example.org')).toBe('dropped');
  expect(await outcome('dropped@example.org')).toBe('dropped');
  expect(await get('bounces')).toMatchObject([
    { email: 'bounce+1@example.org', reason: expect.any(String), created: expect.any(Number) },
  ]);
  expect(await get('bounces/bounce+1@example.org')).toHaveLength(1);
  expect(await get('bounces/someone@example.org')).toEqual([]);
  expect(await get('blocks')).toEqual([]);
  expect(await get('bounces/bounce+1@example.org', 'DELETE')).toBe(204);
  expect(await get('bounces')).toEqual([]);
  expect(await outcome('bounce+1@example.org')).toBe('bounced');
});
