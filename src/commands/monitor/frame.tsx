import { renderToString } from 'ink';
import type { Once } from './once.ts';
import { Screen } from './screen.tsx';
import { initialState, type Session } from './state.ts';
import { themeFor } from './theme.ts';

/** One frame as text: the overview, with an hour of history. */
export function drawOnce(
  session: Session,
  { snapshot, history }: Once,
  look: { columns: number; rows: number; env: NodeJS.ProcessEnv; color: boolean },
): string {
  const now = Date.parse(snapshot.at);
  const { columns, rows } = look;
  const state = {
    ...initialState(session, { columns, rows, now }),
    link: { status: 'live' as const, since: now, error: undefined, latencyMs: undefined },
    snapshot,
    history,
    window: 1,
  };
  const frame = renderToString(<Screen state={state} theme={themeFor(look.env, look.color)} />, {
    columns,
  });
  return frame
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}
