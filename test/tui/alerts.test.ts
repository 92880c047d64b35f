import { describe, expect, it } from 'vitest';
import { ACKED, Desk, INCIDENT, NOW, SILENCE, STORY, snapshot } from './fixtures.ts';
import { frameOf } from './harness.ts';

const text = (desk: Desk) => frameOf(desk.state).join('\n');

describe('alerts', () => {
  const silence = {
    id: 'sil_1',
    rule: 'failed',
    task: null,
    actor: 'ada',
    reason: null,
    createdAt: new Date(NOW),
    until: new Date(NOW + 3_600_000),
  };
  const over = { ...INCIDENT, id: 'inc_2', closedAt: new Date(NOW) };
  const alerts = (silences: (typeof silence)[] = []) =>
    new Desk().press('I').answer({ of: 'alerts', incidents: [INCIDENT, over], silences });
  const story = { incident: INCIDENT, events: [], alerts: [] };

  it('Enter shows one, from the list and from the events', () => {
    expect(alerts().press('return').view).toMatchObject({ name: 'incident', arg: INCIDENT.id });
    const desk = new Desk().press('tab', 'tab', 'tab', 'down', 'return');
    expect(desk.view).toMatchObject({ name: 'incident', arg: INCIDENT.id });
    desk.answer({ of: 'incident', story, silences: [] });
    expect(desk.press('return').state.notice?.text).toContain('nothing to open');
  });

  it.each([
    ['', { forTime: '', reason: '' }],
    ['2h', { forTime: '2h', reason: '' }],
    ['2h asked SendGrid', { forTime: '2h', reason: 'asked SendGrid' }],
    ['asked SendGrid', { forTime: '', reason: 'asked SendGrid' }],
  ])('c and %j acknowledge it: %j', (typed, answered) => {
    const desk = alerts().press('c').type(typed);
    desk.done();
    expect(desk.press('return').done()).toEqual([
      { do: 'plan', request: { kind: 'acknowledge', id: INCIDENT.id, ...answered } },
    ]);
  });

  it('c says what is wrong with a time', () => {
    const desk = alerts().press('c').type('2x asked').press('return');
    expect(desk.state.dialog).toMatchObject({
      phase: 'asking',
      error: expect.stringMatching(/"2x" is not a/),
    });
  });

  it('m silences the rule and the task of the incident, for a time that has to be said', () => {
    const desk = alerts().press('m').press('return');
    expect(desk.state.dialog?.error).toContain('for how long');
    desk.type('31d').press('return');
    expect(desk.state.dialog?.phase).toBe('asking');
    desk.done();
    desk.press('ctrl+u').type('30m moving').press('return');
    expect(desk.done()).toEqual([
      {
        do: 'plan',
        request: {
          ...{ kind: 'silence', rule: 'failed', task: 'send_receipt' },
          ...{ forTime: '30m', reason: 'moving' },
        },
      },
    ]);
  });

  it('m names no task where the incident is of none', () => {
    const disk = { ...INCIDENT, rule: 'disk', kind: 'disk' as const, subject: '' };
    const desk = new Desk().press('I').answer({ of: 'alerts', incidents: [disk], silences: [] });
    expect(desk.press('m').state.dialog?.request).toMatchObject({ rule: 'disk', task: null });
  });

  it('m sends the alerts again that a silence holds back', () => {
    const desk = alerts([silence]);
    desk.done();
    expect(desk.press('m').done()).toEqual([
      { do: 'plan', request: { kind: 'unsilence', rule: 'failed', task: null } },
    ]);
  });

  it('are left alone when they are over, or none is selected', () => {
    expect(alerts().press('down', 'c').state.notice?.text).toContain('it is over');
    expect(new Desk().press('c').state.notice?.text).toContain('I lists them');
    const event = new Desk().press('tab', 'tab', 'tab', 'down', 'c');
    expect(event.state.dialog?.request).toMatchObject({ kind: 'acknowledge', id: INCIDENT.id });
  });

  it('are filtered in their place by their own terms', () => {
    const desk = alerts().press('/').type('lev').press('tab').type('c').press('tab', 'return');
    expect(desk.state.views.map(({ name, arg }) => [name, arg])).toEqual([
      ['overview', ''],
      ['alerts', 'level:critical'],
    ]);
    desk.press('/').type('state:failed').press('return');
    expect(desk.state.input?.error).toContain('there is no term "state"');
  });

  it('y copies the list, one of them, and what is asked about', () => {
    const copied = (desk: Desk) => desk.press('y').done().at(-1);
    expect(copied(alerts())).toEqual({ do: 'copy', text: 'donations alerts list --since 7d' });
    expect(copied(alerts().press('return'))).toMatchObject({
      text: `donations alerts show ${INCIDENT.id}`,
    });
  });
});

describe('receipts', () => {
  it('are filtered by their own terms, and Tab leads back to those that are held', () => {
    const desk = new Desk().press('H', '/');
    expect(desk.state.input?.text).toBe('status:held ');
    desk.type('fund:gala').press('return');
    expect(desk.view).toMatchObject({ name: 'receipts', arg: 'status:held fund:gala' });
    expect(desk.press('tab').view.arg).toBe('status:held');
    expect(desk.press('tab').view.arg).toBe('status:failed');
  });
});

describe('what is seen of alerts', () => {
  it('says who acknowledged it, and until when, as far as there is room', () => {
    const taken = snapshot();
    const open = JSON.parse(JSON.stringify([ACKED]));
    taken.alerts.value = { open, silences: [JSON.parse(JSON.stringify(SILENCE))] };
    const at = (columns: number) =>
      text(new Desk({ columns, rows: 45 }).act({ type: 'snapshot', snapshot: taken, now: NOW }));
    const two = (value: number) => String(value).padStart(2, '0');
    const end = new Date(NOW + 7_200_000);
    const until = `${two(end.getHours())}:${two(end.getMinutes())}`;
    expect(at(140)).toContain(
      `412 failed 1h (acknowledged by grace 山田 until ${until}) › 5 r retry`,
    );
    expect(at(64)).toContain('412 failed 1h (acknowledged by grace 山田) › 5 r retry');
    expect(at(50)).toContain('412 failed (acknowledged by grace 山田)');
    open[0].silenced = true;
    expect(at(140)).toMatch(
      /\(acknowledged by grace 山田 until \d\d:\d\d, silenced until \d+ \w{3} \d\d:\d\d\)/,
    );
  });

  it('lists the incidents with whom they concern, and shows one from its beginning', () => {
    const desk = new Desk({ columns: 160, rows: 45 }).press('I');
    desk.answer({ of: 'alerts', incidents: [INCIDENT, ACKED], silences: [SILENCE] });
    const list = text(desk);
    expect(list).toMatch(/✕ critical +open +412 failed|✕ critical +open +send_receipt 412 failed/);
    expect(list).toMatch(/acknowledged.*412 +398 +\$12,345\.00 USD +grace 山田 until/);
    expect(list).toMatch(/silenced rule failed until .* by ada: moving/);
    const page = text(
      desk.press('down', 'return').answer({ of: 'incident', story: STORY, silences: [SILENCE] }),
    );
    expect(page).toContain('concerns     412 jobs, 398 donors, $12,345.00 USD in gifts');
    expect(page).toContain('donations jobs errors');
    expect(page).toContain('acknowledged by grace: asked');
    expect(page).toMatch(/alert to ops: opened, failed due at .*, 3 attempts: answered 503/);
  });
});
