import { describe, expect, it } from 'vitest';
import { Desk, INCIDENT, job, NOW, SESSION, snapshot, task } from './fixtures.ts';

const jobs = () => new Desk().press('5').answerJobs(job('11'), job('12'), job('13'));

describe('finding the way', () => {
  it.each([
    ['5', 'jobs', 'state:failed'],
    ['0', 'jobs', ''],
    ['J', 'jobs', ''],
    ['E', 'errors', ''],
    ['W', 'workers', ''],
    ['H', 'receipts', 'status:held'],
    ['I', 'alerts', ''],
    ['A', 'audit', ''],
  ])('%s opens %s %s', (key, name, arg) => {
    const desk = new Desk().press(key);
    expect(desk.view).toMatchObject({ name, arg });
    expect(desk.done()).toContainEqual({ do: 'refresh' });
    desk.press('escape');
    expect(desk.view.name).toBe('overview');
  });

  it.each([
    ['overview', 'overview', ''],
    ['jobs', 'jobs', ''],
    ['held', 'jobs', 'state:held'],
    ['jobs task:send_receipt', 'jobs', 'task:send_receipt'],
    ['task:send_receipt age:>1h', 'jobs', 'task:send_receipt age:>1h'],
    ['4711', 'job', '4711'],
    ['don_01jd2x', 'donation', 'don_01jd2x'],
    ['2026-000042', 'donation', '2026-000042'],
    ['pi_123', 'donation', 'pi_123'],
    ['aud_01jd', 'change', 'aud_01jd'],
    ['inc_01jd', 'incident', 'inc_01jd'],
    ['alerts', 'alerts', ''],
    ['incidents', 'alerts', ''],
    ['alerts level:critical', 'alerts', 'level:critical'],
    ['receipts status:bounced', 'receipts', 'status:bounced'],
    ['wrk_01jd', 'jobs', 'worker:wrk_01jd'],
    ['err', 'errors', ''],
  ])(':%s goes to %s %s', (text, name, arg) => {
    expect(new Desk().press(':').type(text).press('return').view).toMatchObject({ name, arg });
  });

  it('says that a place does not exist, and stays', () => {
    const desk = new Desk().press(':').type('nowhere').press('return');
    expect(desk.view.name).toBe('overview');
    expect(desk.state.input?.error).toContain('nowhere');
  });

  it('goes in, and back to the same row', () => {
    const desk = jobs().press('down', 'return');
    expect(desk.view).toMatchObject({ name: 'job', arg: '12' });
    desk.press('escape');
    expect(desk.view).toMatchObject({ name: 'jobs', selected: 1, key: '12' });
  });

  it('q goes back, and ends on the overview; Ctrl-C ends anywhere', () => {
    const desk = jobs().press('q');
    expect(desk.view.name).toBe('overview');
    desk.done();
    expect(desk.press('q').done()).toEqual([{ do: 'quit' }]);
    expect(jobs().press('ctrl+c').done()).toContainEqual({ do: 'quit' });
  });

  it('a list is a way of its own: E from deep inside leads back to the overview', () => {
    const desk = jobs().press('return', 'E');
    expect(desk.state.views.map(({ name }) => name)).toEqual(['overview', 'errors']);
  });

  it('walks through the panes of the overview, and remembers the row of each', () => {
    const desk = new Desk().press('down', 'tab');
    expect(desk.view).toMatchObject({ pane: 'states', selected: 0 });
    desk.press('shift+tab');
    expect(desk.view).toMatchObject({ pane: 'tasks', selected: 1 });
    desk.press('tab', 'down', 'down', 'return');
    expect(desk.view).toMatchObject({ name: 'jobs', arg: 'state:scheduled' });
  });
});

describe('rows that come and go', () => {
  it('keep the selected one selected', () => {
    const desk = jobs().press('down');
    desk.answerJobs(job('9'), job('10'), job('11'), job('12'));
    expect(desk.view).toMatchObject({ selected: 3, key: '12' });
    desk.answerJobs(job('11'));
    expect(desk.view).toMatchObject({ selected: 0, key: '11' });
  });

  it('at the top it is the top that is selected', () => {
    const desk = jobs().answerJobs(job('99'), job('11'));
    expect(desk.view).toMatchObject({ selected: 0, key: '99' });
  });

  it('asks for more at the end', () => {
    const many = Array.from({ length: 100 }, (_, i) => job(String(i)));
    const desk = new Desk().press('0').answerJobs(...many);
    desk.done();
    desk.press('G');
    expect(desk.view.limit).toBe(200);
    expect(desk.done()).toEqual([{ do: 'refresh' }]);
  });
});

describe('the filter', () => {
  it('is completed, term by term', () => {
    const desk = new Desk().press('/').type('st').press('tab');
    expect(desk.state.input?.text).toBe('state:');
    desk.type('f').press('tab').type(' task:s').press('tab', 'return');
    expect(desk.view).toMatchObject({ name: 'jobs', arg: 'state:failed task:send_receipt' });
  });

  it('that is wrong says where, and is not left', () => {
    const desk = new Desk().press('/').type('state:nope').press('return');
    expect(desk.view.name).toBe('overview');
    expect(desk.state.input?.error).toContain('there is no state "nope"');
    desk.press('ctrl+u').type('state:held').press('return');
    expect(desk.view.arg).toBe('state:held');
  });

  it('of jobs begins with what is there, and Esc leaves it as it was', () => {
    const desk = jobs().press('/');
    expect(desk.state.input?.text).toBe('state:failed ');
    desk.type('x').press('escape');
    expect(desk.view.arg).toBe('state:failed');
  });

  it('takes what is pasted as text, never as keys', () => {
    const desk = new Desk().act({ type: 'text', text: 'dyq' });
    expect(desk.done()).toEqual([]);
    desk.press('/').act({ type: 'text', text: 'task:send_receipt age:>1h' });
    expect(desk.state.input?.text).toBe('task:send_receipt age:>1h');
  });
});

describe('the charts', () => {
  it('change their window, and say where it ends', () => {
    const desk = new Desk().press(']', ']');
    expect(desk.state.window).toBe(2);
    desk.press('[', '[', '[');
    expect(desk.state.window).toBe(0);
    expect(desk.state.notice?.text).toContain('shortest');
  });

  it('have a cursor, whose minute Enter opens', () => {
    const desk = new Desk().press('left', 'left', 'left', 'right');
    expect(desk.state.cursor).toBe(new Date(NOW - 2 * 60_000).toISOString());
    desk.press('return');
    expect(desk.view).toMatchObject({
      name: 'failures',
      arg: `${new Date(NOW - 120_000).toISOString()}/${new Date(NOW - 60_000).toISOString()}`,
    });
    desk.press('escape');
    expect(desk.state.cursor).toBeDefined();
    desk.press('escape');
    expect(desk.state.cursor).toBeUndefined();
  });
});

describe('changes', () => {
  const planned = (desk: Desk, by: 'enter' | 'y' | number) =>
    desk.act({
      type: 'planned',
      title: 'Retry 412 jobs',
      lines: ['tasks 412 send_receipt'],
      confirm: typeof by === 'number' ? { by: 'typing', word: String(by) } : { by },
      total: 412,
    });

  it.each([
    ['the selected one', [], 'job:11'],
    ['those that are marked', ['space', 'space'], 'job:11,12'],
    ['everything that matches', ['a'], 'state:failed'],
  ])('r is about %s', (_what, keys, filter) => {
    const desk = jobs();
    desk.done();
    desk.press(...keys);
    desk.done();
    desk.press('r');
    expect(desk.done()).toEqual([{ do: 'plan', request: { kind: 'retry', filter } }]);
  });

  it('of a task are of its failed jobs', () => {
    const desk = new Desk().press('down', 'r');
    expect(desk.done()).toEqual([
      { do: 'plan', request: { kind: 'retry', filter: 'task:send_receipt state:failed' } },
    ]);
  });

  it('are made when agreed to, and not before', () => {
    const desk = planned(jobs().press('r'), 'enter');
    desk.done();
    expect(desk.press('x', 'd').done()).toEqual([]);
    expect(desk.press('return').done()).toEqual([
      { do: 'apply', request: { kind: 'retry', filter: 'job:11' } },
    ]);
    expect(desk.state.dialog?.phase).toBe('running');
  });

  it('of many need their number typed', () => {
    const desk = planned(jobs().press('a', 'd'), 412);
    desk.done();
    desk.type('41').press('return');
    expect(desk.done()).toEqual([]);
    expect(desk.state.dialog?.error).toContain('412');
    desk.type('2').press('return');
    expect(desk.done()).toEqual([
      { do: 'apply', request: { kind: 'discard', filter: 'state:failed' } },
    ]);
  });

  it('no lower-case key changes anything by itself', () => {
    for (const key of 'abcdefghijklmnopqrstuvwxyz') {
      const desk = jobs();
      desk.done();
      expect(
        desk
          .press(key)
          .done()
          .filter((effect) => effect.do === 'apply'),
      ).toEqual([]);
    }
  });

  it('can be left, and stopped while they run', () => {
    const left = planned(jobs().press('r'), 'enter').press('escape');
    expect(left.state.dialog).toBeUndefined();
    const running = planned(jobs().press('r'), 'enter').press('return');
    running.done();
    expect(running.press('q', 'x').done()).toEqual([]);
    expect(running.press('ctrl+c').done()).toEqual([{ do: 'stop' }]);
    expect(running.state.dialog?.phase).toBe('stopping');
  });

  it('a discard is undone with u: at once, or later', () => {
    const desk = planned(jobs().press('d'), 'y').press('y');
    desk.act({ type: 'applied', lines: ['Discarded'], discarded: 'aud_1', stopped: false });
    desk.done();
    expect(desk.press('u').done()).toEqual([
      { do: 'plan', request: { kind: 'restore', ref: 'aud_1' } },
    ]);
    desk.press('escape', 'escape', 'u');
    expect(desk.state.dialog?.request).toEqual({ kind: 'restore', ref: 'aud_1' });
  });

  it('p pauses a task for a time, or lets a paused one run again', () => {
    const desk = new Desk().press('down', 'p').type('soon').press('return');
    expect(desk.state.dialog?.error).toMatch(/"soon" is not a/);
    desk.press('ctrl+u').type('30m').press('return');
    expect(desk.done()).toContainEqual({
      do: 'plan',
      request: { kind: 'pause', task: 'send_receipt', forTime: '30m' },
    });
    const paused = snapshot();
    paused.tasks.value?.pauses.push({
      task: 'send_receipt',
      cause: 'operator',
      reason: 'logo',
      since: '',
      until: null as unknown as string,
      probes: 0,
      nextProbeAt: null as unknown as string,
    });
    const other = new Desk()
      .act({ type: 'snapshot', snapshot: paused, now: NOW })
      .press('down', 'p');
    expect(other.state.dialog?.request).toEqual({ kind: 'resume', task: 'send_receipt' });
  });

  it('a held receipt is settled by a choice in capitals only', () => {
    const desk = new Desk()
      .press('6')
      .answerJobs(job('7', { state: 'held' }))
      .press('o');
    desk.act({
      type: 'planned',
      title: '',
      lines: [],
      total: 0,
      confirm: {
        by: 'choice',
        choices: [
          { key: 'S', label: 'sent', outcome: 'sent' },
          { key: 'R', label: 'resend', outcome: 'resend' },
        ],
      },
    });
    desk.done();
    expect(desk.press('s', 'r', 'return').done()).toEqual([]);
    expect(desk.press('R').done()).toEqual([
      { do: 'apply', request: { kind: 'resolve', ref: '7', outcome: 'resend' } },
    ]);
  });

  it('y copies the view as a command, and the change that is asked about', () => {
    const desk = jobs();
    desk.done();
    expect(desk.press('y').done()).toEqual([
      { do: 'copy', text: 'donations jobs list state:failed' },
    ]);
    planned(desk.press('r'), 'enter');
    desk.done();
    expect(desk.press('y').done()).toEqual([{ do: 'copy', text: 'donations jobs retry 11' }]);
  });
});

describe('read-only', () => {
  const readOnly = () =>
    new Desk({ session: { ...SESSION, readOnly: 'the database role viewer can only read' } });

  it.each(['c', 'm'])('%s is off among the alerts', (key) => {
    const desk = readOnly().press('I');
    desk.answer({ of: 'alerts', incidents: [INCIDENT], silences: [] }).press(key);
    expect(desk.state.dialog).toBeUndefined();
    expect(desk.state.notice?.text).toContain('can only read');
  });

  it.each(['r', 'd', 't', 'p', 'x', 'u', 'e', 'o'])('%s is off, and says why', (key) => {
    const desk = readOnly().press('down');
    desk.done();
    desk.press(key);
    expect(desk.done()).toEqual([]);
    expect(desk.state.dialog).toBeUndefined();
    expect(desk.state.notice?.text).toContain('the database role viewer can only read');
  });
});

describe('trouble', () => {
  it('a lost database keeps what was there, and takes the changing keys away', () => {
    const desk = new Desk().act({ type: 'lost', error: 'connect ECONNREFUSED' });
    expect(desk.state.link).toMatchObject({ status: 'lost', error: 'connect ECONNREFUSED' });
    expect(desk.state.snapshot).toBeDefined();
    desk.done();
    expect(desk.press('down', 'r').done()).toEqual([]);
    expect(desk.state.notice?.text).toContain('cannot be reached');
    desk.act({ type: 'snapshot', snapshot: snapshot(), now: NOW + 5000 });
    expect(desk.state.link.status).toBe('live');
  });

  it('freezes the screen, not the link', () => {
    const desk = new Desk().press('f');
    const before = desk.state.snapshot;
    const next = snapshot([task('charge_card')]);
    desk.act({ type: 'snapshot', snapshot: next, now: NOW + 1000 });
    expect(desk.state.snapshot).toBe(before);
    desk.press('f').act({ type: 'snapshot', snapshot: next, now: NOW + 2000 });
    expect(desk.state.snapshot).toBe(next);
  });

  it('what a view cannot read is told there, and the old stays', () => {
    const desk = jobs();
    const key = 'jobs\nstate:failed\n';
    desk.act({ type: 'content failed', key, trouble: 'Postgres was stopped after 2 s' });
    expect(desk.state.data[key]).toMatchObject({ trouble: 'Postgres was stopped after 2 s' });
    expect(desk.state.data[key]?.content).toBeDefined();
  });
});
