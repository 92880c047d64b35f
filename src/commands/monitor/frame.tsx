import { renderToString } from 'ink';
import type { Once } from './once.ts';
import type { Opened } from './opened.ts';
import { Screen } from './screen.tsx';
import { initialState } from './state.ts';
import { themeFor } from './theme.ts';
import { type WindowName, windowOf } from './windows.ts';

/** One frame as text: the overview. */
export function drawOnce(
  { session, past }: Pick<Opened, 'session' | 'past'>,
  { snapshot, history }: Once,
  look: {
    window: WindowName;
    columns: number;
    rows: number;
    env: NodeJS.ProcessEnv;
    color: boolean;
  },
): string {
  const now = Date.parse(snapshot.at);
  const { columns, rows } = look;
  const state = {
    ...initialState(session, { columns, rows, now, window: windowOf(look.window), past }),
    link: { status: 'live' as const, since: now, error: undefined, latencyMs: undefined },
    snapshot,
    history,
  };
  const frame = renderToString(
    <Screen state={state} theme={themeFor(look.env, { color: look.color, styles: look.color })} />,
    {
      columns,
    },
  );
  return frame
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}
