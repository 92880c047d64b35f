import { describe, expect, it } from 'vitest';
import { drawColumns, roundUp, roundUpTime } from '../../src/commands/monitor/chart.ts';
import { Terminal } from '../../src/commands/monitor/terminal.ts';
import { themeFor } from '../../src/commands/monitor/theme.ts';
import { healthLines } from '../../src/commands/monitor/views/header.tsx';
import { layoutOf } from '../../src/commands/monitor/views/overview.tsx';
import type { Story } from '../../src/lib/donations/story.ts';
import { cutText, fitText, textWidth, wrapText } from '../../src/lib/output/width.ts';
import {
  ACKED,
  Desk,
  HISTORY,
  INCIDENT,
  job,
  NOW,
  SESSION,
  SILENCE,
  STORY,
  snapshot,
  task,
} from './fixtures.ts';
import { FakeStdout, frameOf, UTF8 } from './harness.ts';

const SIZES = [
  [140, 45],
  [100, 30],
  [99, 30],
  [80, 24],
  [79, 24],
  [60, 15],
  [59, 15],
  [40, 8],
  [20, 3],
] as const;

const DETAIL = {
  id: '11',
  task: 'send_receipt',
  state: 'failed' as const,
  job: job('11'),
  payload: { donation_id: 'don_01m852q8vse60v8qj8kqkhwdaa' },
  key: 'send:dlv_1',
  priority: 0,
  donation: 'don_01m852q8vse60v8qj8kqkhwdaa',
  attempts: [],
  discarded: undefined,
  pause: undefined,
  worker: undefined,
  settled: undefined,
};

const LONG_HISTORY = {
  ...HISTORY,
  buckets: Array.from({ length: 300 }, (_, i) => ({
    ...(HISTORY.buckets[0] as (typeof HISTORY.buckets)[number]),
    at: new Date(NOW - (300 - i) * 60_000).toISOString(),
    done: i,
  })),
};

/** The monitor in every view, each with something to show. */
const VIEWS: [string, (desk: Desk) => Desk][] = [
  ['overview', (desk) => desk],
  ['the chart’s cursor', (desk) => desk.press('left', 'left')],
  [
    'a history of more minutes than columns',
    (desk) => desk.act({ type: 'history', history: LONG_HISTORY }).press('left'),
  ],
  ['jobs', (desk) => desk.press('5').answerJobs(job('11'), job('12'))],
  ['no jobs', (desk) => desk.press('4').answerJobs()],
  [
    'a job',
    (desk) => desk.press(':').type('11').press('return').answer({ of: 'job', detail: DETAIL }),
  ],
  ['workers', (desk) => desk.press('W')],
  [
    'alerts',
    (desk) =>
      desk.press('I').answer({ of: 'alerts', incidents: [ACKED, INCIDENT], silences: [SILENCE] }),
  ],
  [
    'an incident',
    (desk) =>
      desk
        .press(':')
        .type('inc_1')
        .press('return')
        .answer({
          of: 'incident',
          silences: [SILENCE],
          story: STORY,
        }),
  ],
  ['audit', (desk) => desk.press('A').answer({ of: 'audit', rows: [] })],
  ['help', (desk) => desk.press('?')],
  ['a filter', (desk) => desk.press('/').type('state:nope x')],
  ['a question', (desk) => desk.press('down', 'p')],
  [
    'a plan',
    (desk) =>
      desk.press('down', 'r').act({
        type: 'planned',
        title: 'Retry 412 jobs  task:send_receipt state:failed',
        lines: [
          'tasks        412 send_receipt',
          'effects      0 charges, 412 e-mails to 398 donors',
        ],
        confirm: { by: 'typing', word: '412' },
        total: 412,
      }),
  ],
  ['a lost database', (desk) => desk.act({ type: 'lost', error: 'connect ECONNREFUSED' })],
];

describe.each(SIZES)('at %i×%i', (columns, rows) => {
  it.each(VIEWS)('%s fits', (_name, open) => {
    const { state } = open(new Desk({ columns, rows }));
    for (const env of [UTF8, { LANG: 'C' }]) {
      const lines = frameOf(state, env);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) {
        expect(textWidth(line)).toBeLessThanOrEqual(columns);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        if (env.LANG === 'C') expect(line).toMatch(/^[\x20-\x7e]*$/);
      }
    }
  });
});

const text = (desk: Desk) => frameOf(desk.state).join('\n');

describe('what is seen', () => {
  it('says within the first lines what is wrong, since when, and which key mends it', () => {
    const [header, health] = frameOf(new Desk({ columns: 140, rows: 45 }).state);
    expect(header).toMatch(/donations\s+SANDBOX\s+overview.*db\.example\/donations.*live/);
    expect(health).toMatch(/412 failed 1h › 5 r retry/);
    expect(text(new Desk({ columns: 140, rows: 45 }))).toContain('3 held 10m › 6 o resolve');
  });

  it('has the whole help, and why a key is off, on a narrow screen', () => {
    const session = { ...SESSION, readOnly: 'the database role viewer can only read' };
    const help = (columns: number) => text(new Desk({ columns, rows: 160, session }).press('?'));
    expect(help(140)).toMatch(
      / r +run failed jobs again.*attempt {2}\(off: the database role viewer can only read\)/,
    );
    expect(help(60)).toMatch(
      / Enter +go in: a task, a state, a job, a group of\n {13}errors, an incident, a minute of the charts\n/,
    );
    expect(help(60)).toMatch(
      / r +run failed jobs[^(]*\n {13}\(off: the database role viewer can only read\)/,
    );
  });

  it('has the whole of what happened to a donation', () => {
    const message = 'the connection to SendGrid was lost (ECONNRESET); the mail may have been sent';
    const event = {
      at: new Date(NOW),
      text: `send_receipt attempt 1: held: ${message}`,
      ...{ outcome: 'held', job: '48', requestId: 'req_1', durationMs: 20 },
    };
    const story = {
      donation: {
        id: 'don_1',
        amount: { minor: 100n, currency: 'usd' },
        status: 'succeeded',
        donor: { name: 'Ada', email: 'ada@example.org' },
        createdAt: new Date(NOW),
      },
      receipts: [],
      jobs: [],
      events: [event],
    } as unknown as Story;
    const desk = new Desk({ columns: 60, rows: 30 }).press(':').type('don_1').press('return');
    const shown = text(desk.answer({ of: 'donation', story })).replace(/\n {14}/g, ' ');
    expect(shown).toContain(`${event.text} `);
    expect(shown).toContain('job 48 · took 20ms · req_1');
  });

  it('says but once how long a job waits', () => {
    expect(text(new Desk({ columns: 140, rows: 45 }))).toContain('send_receipt waits 2m › 1 ready');
  });

  it('says that all is well in a word', () => {
    const desk = new Desk();
    const quiet = snapshot([task('send_receipt')]);
    desk.act({ type: 'snapshot', snapshot: quiet, now: NOW });
    expect(frameOf(desk.state)[1]).toContain('● ok');
  });

  it('has a glyph beside every colour', () => {
    const frame = text(new Desk({ columns: 140, rows: 45 }));
    expect(frame).toMatch(/send_receipt .*▲ slow/);
    expect(frame).toMatch(/tokenize_card .*● ok/);
  });

  it('shows hostile text harmlessly', () => {
    const frame = text(new Desk({ columns: 140, rows: 45 }));
    expect(frame).toContain('日本');
    expect(frame).toContain('[31mred');
    expect(frame).not.toContain('\u001b[31m');
  });

  it('marks, and counts what is marked', () => {
    const desk = new Desk().press('5').answerJobs(job('11'), job('12'), job('13'));
    const frame = text(desk.press('space', 'space'));
    expect(frame).toContain('2 marked');
    expect(frame.match(/◆/g)).toHaveLength(2);
  });

  it('a lost database is STALE, with its age', () => {
    const desk = new Desk().act({ type: 'lost', error: 'connect ECONNREFUSED' });
    desk.act({ type: 'ticked', now: NOW + 34_000, latencyMs: 2 });
    const [header, health] = frameOf(desk.state);
    expect(header).toContain('STALE 34s');
    expect(health).toContain('connect ECONNREFUSED');
    expect(text(desk)).toContain('send_receipt');
  });

  it('a panel that is behind says so', () => {
    const slow = snapshot();
    slow.tasks.behind = 'Postgres took longer than 2 s';
    const desk = new Desk({ columns: 140 }).act({
      type: 'snapshot',
      snapshot: slow,
      now: NOW + 9000,
    });
    expect(text(desk)).toContain('behind: Postgres took longer than 2 s, 9s old');
  });

  it('a key that is off says why, in the help and when it is pressed', () => {
    const desk = new Desk({
      rows: 90,
      session: { ...SESSION, readOnly: 'started with --read-only' },
    });
    expect(text(desk.press('?'))).toContain('(off: started with --read-only)');
    expect(text(desk.press('escape', 'r'))).toContain('r: started with --read-only');
  });

  it('says what a plan does before it asks', () => {
    const [, open] = VIEWS.find(([name]) => name === 'a plan') as (typeof VIEWS)[number];
    const frame = text(open(new Desk({ columns: 80, rows: 24 })));
    expect(frame).toContain('412 e-mails to 398 donors');
    expect(frame).toContain('Type 412 to go on:');
    expect(frame).toContain("donations jobs retry 'task:send_receipt state:failed'");
  });

  it('points at what a filter has wrong while it is typed', () => {
    expect(text(new Desk().press('/').type('state:nope '))).toContain('there is no state "nope"');
  });

  it('the reasons that do not fit are counted', () => {
    const { state } = new Desk({ columns: 60, rows: 15 });
    const [line] = healthLines(state, themeFor(UTF8, { color: false, styles: false }), 60, 1);
    expect(line?.at(-1)?.text).toMatch(/\+\d more/);
  });
});

describe('lines', () => {
  it('are cut by what they take on the screen, never within a letter', () => {
    expect(cutText('日本語', 5, '…')).toBe('日本…');
    expect(cutText('日本語', 4, '…')).toBe('日…');
    expect(cutText('👩‍👩‍👧 family', 4, '…')).toBe('👩‍👩‍👧 …');
    expect(fitText('é', 3, { align: 'right' })).toBe('  é');
    expect(wrapText('one two  three', 7)).toEqual(['one two', 'three']);
    expect(wrapText('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  });

  it('of the overview are shared out without a rest', () => {
    for (let lines = 8; lines < 60; lines++) {
      for (const columns of [60, 80, 100, 140]) {
        const { charts, tasks, middle, events } = layoutOf(columns, lines, 5);
        expect(charts + tasks + middle + events).toBe(lines);
      }
    }
  });
});

describe('charts', () => {
  const levels = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

  it('draw nothing as nothing, and a little as something', () => {
    expect(drawColumns([0, null, 1, 1000], { width: 4, height: 2, max: 1000, levels })).toEqual([
      '   █',
      '  ▁█',
    ]);
  });

  it('show the latest that there is room for', () => {
    expect(drawColumns([1, 1, 0, 1], { width: 2, height: 1, max: 1, levels })).toEqual([' █']);
  });

  it('end at the right edge', () => {
    expect(drawColumns([1, 1], { width: 5, height: 1, max: 1, levels })).toEqual([' ████']);
  });

  it('have round axes', () => {
    expect([0, 1, 1.2, 290, 401, 7001].map(roundUp)).toEqual([1, 1, 2, 300, 500, 8000]);
    expect([1, 1500, 61_000].map(roundUpTime)).toEqual([1000, 5000, 120_000]);
  });
});

describe('the terminal', () => {
  function open(columns = 20, rows = 4) {
    const stdout = new FakeStdout(columns, rows);
    const sizes: object[] = [];
    const terminal = new Terminal({
      stdin: {} as NodeJS.ReadStream,
      stdout: stdout as unknown as NodeJS.WriteStream,
      onResize: (size) => sizes.push(size),
    });
    terminal.enter();
    stdout.take();
    return {
      stdout,
      terminal,
      sizes,
      frame: (...lines: string[]) => terminal.frames.write(lines.join('\n')),
    };
  }

  it('writes only the lines that changed', () => {
    const { stdout, terminal, frame } = open();
    frame('one', 'two', 'three');
    expect(stdout.take()).toContain('\u001b[1;1Hone');
    frame('one', 'TWO', 'three');
    const second = stdout.take();
    expect(second).toContain('\u001b[2;1HTWO');
    expect(second).not.toContain('one');
    frame('one', 'TWO', 'three');
    expect(stdout.take()).toBe('');
    frame('one');
    expect(stdout.take()).toContain('\u001b[3;1H\u001b[0m\u001b[K');
    terminal.leave();
  });

  it('does not erase the last column, nor write below the last line', () => {
    const { stdout, terminal, frame } = open(5, 2);
    frame('12345', '1234', 'beyond');
    const written = stdout.take();
    expect(written).toContain('12345\u001b[0m\u001b[2;1H1234\u001b[0m\u001b[K');
    expect(written).not.toContain('beyond');
    terminal.leave();
  });

  it('clears when it is resized, then draws anew', () => {
    const { stdout, terminal, sizes, frame } = open();
    frame('one');
    stdout.take();
    stdout.resize(30, 6);
    expect(stdout.take()).toBe('\u001b[2J');
    expect(sizes).toEqual([{ columns: 30, rows: 6 }]);
    expect(terminal.frames.columns).toBe(30);
    frame('one');
    expect(stdout.take()).toContain('one');
    terminal.leave();
  });

  it('draws what comes at once in one frame', async () => {
    const { terminal } = open();
    let drawn = 0;
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 50; i++)
        terminal.draw(() => {
          drawn += 1;
          if (drawn === 2) resolve();
        });
    });
    expect(drawn).toBe(2);
    terminal.leave();
  });
});
