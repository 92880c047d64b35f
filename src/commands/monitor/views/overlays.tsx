import { Box } from 'ink';
import type { ReactNode } from 'react';
import { grouped } from '../../../lib/output/text.ts';
import { fitText, textWidth, wrapText } from '../../../lib/output/width.ts';
import { GROUPS } from '../bindings/binding.ts';
import { filterError, filterHint } from '../filters.ts';
import { footerKeys, KEYMAP, whyOff, wordsOf } from '../keymap.ts';
import { commandOf, planningText } from '../requests.ts';
import type { Dialog, Input, State } from '../state.ts';
import { widthOf } from '../text.ts';
import type { Span, Theme } from '../theme.ts';
import { completionsOf, JUMP_HINT } from '../typing.ts';
import { Heading, Line, Scroll, useTheme } from './parts.tsx';

const PLAIN_KEYS: Record<string, string> = {
  '↑': 'Up',
  '↓': 'Down',
  '←': 'Left',
  '→': 'Right',
  '1–6': '1-6',
};

/** The names of keys in the letters that the terminal has. */
const keyText = (shown: string, { ascii }: Theme) =>
  ascii
    ? shown
        .split(' ')
        .map((key) => PLAIN_KEYS[key] ?? key)
        .join(' ')
    : shown;

/** The keys that work now, as many as fit; or what was just said. */
export function Footer({ state, width }: { state: State; width: number }): ReactNode {
  const theme = useTheme();
  const { notice } = state;
  if (notice) {
    const glyph = { good: theme.glyphs.good, warn: theme.glyphs.warn, bad: theme.glyphs.bad };
    return (
      <Line
        width={width}
        spans={[{ text: `${glyph[notice.tone]} ${notice.text}`, tone: notice.tone }]}
      />
    );
  }
  // What is open says itself which keys it takes.
  if (state.dialog || state.input || state.help !== undefined)
    return <Line width={width} spans={[]} />;
  const always = ['help', 'quit'];
  const keys = footerKeys(state);
  const chip = (binding: (typeof keys)[number]): Span[] => [
    { text: keyText(binding.shown, theme), tone: 'accent', bold: true },
    { text: ` ${wordsOf(binding, state).word}`, tone: 'dim' },
  ];
  const last = keys
    .filter(({ verb }) => always.includes(verb))
    .flatMap((each) => [{ text: '  ' }, ...chip(each)]);
  const spans: Span[] = [];
  for (const binding of keys.filter(({ verb }) => !always.includes(verb))) {
    const next = [...(spans.length > 0 ? [{ text: '  ' }] : []), ...chip(binding)];
    if (widthOf(spans) + widthOf(next) + widthOf(last) > width) break;
    spans.push(...next);
  }
  return <Line width={width} spans={[...spans, ...last]} />;
}

/** How many lines the line that is being typed takes. */
export const promptHeight = (state: State) => (state.input ? 2 : 0);

/** The line that is being typed, and what can follow or is wrong. */
export function Prompt({ state, width }: { state: State; width: number }): ReactNode {
  const { input } = state;
  if (!input) return null;
  const offered = completionsOf(state, input);
  const error = input.error ?? (input.kind === 'filter' ? liveError(input) : undefined);
  const spans: Span[] = [
    { text: input.kind === 'filter' ? '/' : ':', tone: 'accent', bold: true },
    { text: input.text },
    { text: ' ', inverse: true },
  ];
  const below: Span[] = error
    ? [{ text: `  ${error}`, tone: 'bad' }]
    : offered.length > 0
      ? [
          { text: '  Tab ', tone: 'accent' },
          ...offered.flatMap((each, i): Span[] => [
            { text: each.word, ...(i === input.chosen ? { inverse: true } : { tone: 'dim' }) },
            { text: ' ' },
          ]),
          { text: ` ${offered[input.chosen]?.about ?? ''}`, tone: 'dim' },
        ]
      : [
          {
            text: `  ${input.kind === 'filter' ? filterHint(input.of, input.text) : JUMP_HINT}`,
            tone: 'dim',
          },
        ];
  return (
    <Box flexDirection="column">
      <Line spans={spans} width={width} />
      <Line spans={below} width={width} />
    </Box>
  );
}

/** What is wrong with the finished words; the last one may be incomplete. */
function liveError({ of, text }: Input): string | undefined {
  const finished = text.slice(0, text.lastIndexOf(' ') + 1);
  return finished.trim() === '' ? undefined : filterError(of, finished);
}

const HELP_INDENT = 13;

/** Every key, and why one is off. */
export function Help({
  state,
  width,
  height,
}: {
  state: State;
  width: number;
  height: number;
}): ReactNode {
  const theme = useTheme();
  const lines: Span[][] = GROUPS.flatMap((group): Span[][] => [
    [{ text: group, bold: true }],
    ...KEYMAP.filter((binding) => binding.group === group).flatMap((binding): Span[][] => {
      const off = whyOff(binding, state);
      const room = Math.max(20, width - HELP_INDENT);
      const about = wrapText(wordsOf(binding, state).about, room).map((text): Span[] => [
        { text, tone: off ? 'dim' : undefined },
      ]);
      const why = off ? wrapText(`(off: ${off})`, room) : [];
      const last = about.at(-1) as Span[];
      // On the line of the key when there is room.
      if (why.length === 1 && widthOf(last) + 2 + textWidth(why[0] as string) <= room)
        last.push({ text: `  ${why.pop()}`, tone: 'warn' });
      const key = fitText(`  ${keyText(binding.shown, theme)}`, HELP_INDENT, { more: '' });
      const lines = [...about, ...why.map((text): Span[] => [{ text, tone: 'warn' }])];
      return lines.map((spans, i): Span[] => [
        i === 0 ? { text: key, tone: off ? 'dim' : 'accent' } : { text: ' '.repeat(HELP_INDENT) },
        ...spans,
      ]);
    }),
    [],
  ]);
  return (
    <Box flexDirection="column" height={height}>
      <Heading title="Keys" focused right={[{ text: 'Esc closes', tone: 'dim' }]} width={width} />
      <Scroll lines={lines} from={state.help ?? 0} width={width} height={height - 1} />
    </Box>
  );
}

const BAR = 30;

function dialogLines(dialog: Dialog, theme: Theme, width: number): Span[][] {
  const { phase, question, typed, error, lines, confirm, request, total, done } = dialog;
  const { glyphs } = theme;
  const trouble: Span[][] = error
    ? wrapText(error, width).map((text) => [{ text, tone: phase === 'running' ? 'dim' : 'bad' }])
    : [];
  const plan = lines.map((text): Span[] => [{ text }]);
  const command: Span[] = [
    { text: 'y ', tone: 'accent' },
    { text: `copies  ${commandOf(request)}`, tone: 'dim' },
  ];
  const keys = (...pairs: [string, string][]): Span[] =>
    pairs.flatMap(([key, what]): Span[] => [
      { text: key, tone: 'accent', bold: true },
      { text: ` ${what}   `, tone: 'dim' },
    ]);
  switch (phase) {
    case 'asking':
      return [
        [
          { text: `${question?.label ?? ''} ` },
          { text: typed, bold: true },
          { text: ' ', inverse: true },
        ],
        [{ text: question?.hint ?? '', tone: 'dim' }],
        ...trouble,
        [],
        keys(['Enter', 'see the plan'], ['Esc', 'leave it']),
      ];
    case 'planning':
      return [[{ text: planningText(request), tone: 'dim' }], [], keys(['Esc', 'leave it'])];
    case 'confirming': {
      const ask: Span[][] =
        confirm.by === 'typing'
          ? [
              [
                { text: `Type ${confirm.word} to go on: ` },
                { text: typed, bold: true },
                { text: ' ', inverse: true },
              ],
              ...trouble,
              keys(['Enter', 'do it'], ['Esc', 'leave it']),
            ]
          : confirm.by === 'choice'
            ? [
                ...confirm.choices.map((choice) => keys([choice.key, choice.label])),
                keys(['Esc', 'leave it']),
              ]
            : confirm.by === 'nothing'
              ? [keys(['Esc', 'close'])]
              : [keys([confirm.by === 'y' ? 'y' : 'Enter', 'do it'], ['Esc', 'leave it'])];
      const copied =
        confirm.by === 'y' ? [{ ...command[0], text: 'Y ' } as Span, command[1] as Span] : command;
      return [...plan, [], ...ask, ...(confirm.by === 'nothing' ? [] : [copied])];
    }
    case 'running':
    case 'stopping': {
      const full = total === 0 ? 0 : Math.min(BAR, Math.round((BAR * done) / total));
      return [
        ...(total > 0
          ? [
              [
                { text: glyphs.full.repeat(full), tone: 'good' as const },
                { text: glyphs.empty.repeat(BAR - full), tone: 'dim' as const },
                { text: `  ${grouped(done)} of ${grouped(total)}` },
              ],
            ]
          : [[{ text: 'under way…', tone: 'dim' as const }]]),
        ...trouble,
        [],
        phase === 'stopping'
          ? [{ text: 'stopping after this chunk…', tone: 'warn' }]
          : keys(['Esc', 'stop after this chunk']),
      ];
    }
    case 'done':
      return [
        ...lines.flatMap((text, i) =>
          wrapText(text, width).map((line): Span[] => [
            { text: line, ...(i === 0 ? { tone: 'good', bold: true } : {}) },
          ]),
        ),
        [],
        keys(...(request.kind === 'discard' ? ([['u', 'undo']] as [string, string][]) : []), [
          'any key',
          'close',
        ]),
      ];
    case 'failed':
      return [...trouble, [], keys(['any key', 'close'])];
  }
}

const TITLES: Record<Dialog['request']['kind'], string> = {
  retry: 'Retry',
  discard: 'Discard',
  reschedule: 'Reschedule',
  pause: 'Pause',
  resume: 'Resume',
  restore: 'Restore',
  rescue: 'Rescue',
  resolve: 'Resolve',
  resend: 'Resend',
  acknowledge: 'Acknowledge',
  silence: 'Silence',
  unsilence: 'Send alerts again',
};

/** A change on its way, in the place of the view's lower part. */
export function DialogBox({
  dialog,
  width,
  height,
}: {
  dialog: Dialog;
  width: number;
  height: number;
}): ReactNode {
  const theme = useTheme();
  const inner = width - 2;
  const lines = dialogLines(dialog, theme, inner);
  const title = dialog.title === '' ? TITLES[dialog.request.kind] : dialog.title;
  return (
    <Box flexDirection="column" height={height}>
      <Heading title={title} focused width={width} />
      {lines.slice(0, height - 1).map((spans, i) => (
        <Line key={String(i)} spans={[{ text: ' ' }, ...spans]} width={width} />
      ))}
    </Box>
  );
}

/** How many lines a dialog needs. */
export const dialogHeight = (dialog: Dialog, theme: Theme, width: number) =>
  dialogLines(dialog, theme, width - 2).length + 2;
