import { render, useInput } from 'ink';
import { type ReactNode, useRef } from 'react';
import type { Context } from '../context.ts';
import { inCommandSpan } from '../shared/in-span.ts';
import { KeyReader } from './keys.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import type { Opened } from './opened.ts';
import { PastMonitor } from './past-monitor.ts';
import { Screen } from './screen.tsx';
import { initialState } from './state.ts';
import type { Store } from './store.ts';
import { clipboardSequence, Terminal } from './terminal.ts';
import { themeFor } from './theme.ts';
import { type WindowName, windowOf } from './windows.ts';

function App({
  monitor,
  env,
  color,
}: {
  monitor: Store;
  env: NodeJS.ProcessEnv;
  color: boolean;
}): ReactNode {
  const reader = useRef(new KeyReader());
  useInput((input, key) => {
    for (const typed of reader.current.read(input, key)) {
      if ('key' in typed) monitor.dispatch({ type: 'key', key: typed.key });
      else monitor.dispatch({ type: 'text', text: typed.text });
    }
  });
  return <Screen state={monitor.state} theme={themeFor(env, { color, styles: true })} />;
}

/** Runs the monitor on the terminal until the user ends it. */
export async function runMonitor(
  context: Context,
  { db, session, past, timeoutMs }: Opened,
  window: WindowName,
): Promise<void> {
  const { io } = context;
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const terminal = new Terminal({
    stdin: io.stdin,
    stdout: io.stdout,
    onResize: (size) => monitor.dispatch({ type: 'resized', ...size }),
  });
  const state = initialState(session, {
    ...terminal.size(),
    now: Date.now(),
    window: windowOf(window),
    past,
  });
  const options: Omit<MonitorOptions, 'operations'> = {
    db,
    timeoutMs,
    onEffect(effect) {
      switch (effect.do) {
        case 'quit':
          return end();
        case 'suspend':
          return terminal.suspend();
        case 'redraw':
          terminal.forget();
          return terminal.draw(draw);
        case 'copy':
          return terminal.send(clipboardSequence(effect.text));
      }
    },
  };
  const operations = {
    db: () => context.db(),
    read: context.read,
    operator: () => context.operator(),
    now: () => context.clock.now(),
    inSpan: <T,>(name: string, work: () => Promise<T>) => inCommandSpan(context, name, {}, work),
  };
  const monitor = past
    ? new PastMonitor(state, options)
    : new Monitor(state, { ...options, operations });
  context.signal.addEventListener('abort', () => end(), { once: true });
  const draw = () => ink.rerender(app());
  const app = () => <App monitor={monitor} env={io.env} color={io.color} />;
  terminal.enter();
  // Whole frames, drawn only when we say so: the terminal's own layer finds what changed.
  const ink = render(app(), {
    stdout: terminal.frames,
    stdin: io.stdin,
    stderr: io.stderr,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  // A view that throws ends Ink.
  const failed = ink.waitUntilExit();
  try {
    monitor.watch(() => terminal.draw(draw));
    monitor.start();
    await Promise.race([ended, failed]);
  } finally {
    terminal.leave();
    try {
      ink.unmount();
    } catch {
      // Its keyboard is gone with the terminal.
    }
    await monitor.end();
  }
}
