import { EventEmitter } from 'node:events';
import { renderToString } from 'ink';
import { createElement } from 'react';
import { Screen } from '../../src/commands/monitor/screen.tsx';
import type { State } from '../../src/commands/monitor/state.ts';
import { themeFor } from '../../src/commands/monitor/theme.ts';

export const UTF8 = { LANG: 'C.UTF-8' };

/** The lines of a state's frame, as long as they are, without colours. */
export function frameOf(state: State, env: NodeJS.ProcessEnv = UTF8): string[] {
  const theme = themeFor(env, { color: false, styles: false });
  return renderToString(createElement(Screen, { state, theme }), {
    columns: state.columns,
  }).split('\n');
}

/** A terminal's stream of a size that can be set, which keeps what is written to it. */
export class FakeStdout extends EventEmitter {
  isTTY = true;
  written = '';
  columns: number;
  rows: number;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    this.written += text;
    return true;
  }

  /** What was written since this was asked last. */
  take(): string {
    const taken = this.written;
    this.written = '';
    return taken;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }
}
