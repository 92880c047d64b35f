import { Command, Option } from 'commander';
import { usageError } from '../lib/errors.ts';
import { printData } from '../lib/output/io.ts';
import { toJson } from '../lib/output/render.ts';
import { parseCount } from '../lib/parse.ts';
import type { Context } from './context.ts';
import { WINDOWS, type WindowName } from './monitor/windows.ts';
import { examples } from './shared/examples.ts';

interface Options {
  once?: boolean;
  json?: string | true;
  width?: string;
  height?: string;
  readOnly?: boolean;
  window?: WindowName;
  at?: string;
}

/** `donations monitor`: the live queue in one terminal. */
export function monitorCommand(context: Context): Command {
  const command = new Command('monitor')
    .description(
      'show the live queue in the terminal: problems, their age, and the keys that fix them',
    )
    .option('--read-only', 'turn off the keys that change something')
    .addOption(
      new Option('--window <time>', 'what the charts show first').choices(
        WINDOWS.map(({ name }) => name),
      ),
    )
    .option(
      '--at <time>',
      'a moment of the past: 03:10, 2026-11-24 03:10, 2h; by the organisation’s clock',
    )
    .option('--once', 'print one frame and end: for a pipe or a mail')
    .option('--width <n>', 'with --once: so many columns')
    .option('--height <n>', 'with --once: so many lines')
    .option(
      '--json [fields]',
      'print what it shows as JSON and end; with fields (tasks) only those',
    );
  return examples(command, [
    ['donations monitor', 'watch and fix; ? lists the keys, q ends'],
    ['donations monitor --once --width 100', 'one frame, for a mail'],
    ['donations monitor --at 03:10', 'the screen as it was last night'],
  ]).action((options: Options) => monitor(context, options));
}

async function monitor(context: Context, options: Options): Promise<void> {
  const { io } = context;
  const size = {
    columns: options.width ? parseCount(options.width, { min: 20, max: 500 }) : undefined,
    rows: options.height ? parseCount(options.height, { min: 5, max: 500 }) : undefined,
  };
  if (!options.once && (size.columns || size.rows))
    throw usageError('--width and --height are of the frame that --once prints', 'Add --once.');
  const { at } = options;
  const readOnly = options.readOnly === true;
  if (!options.once && options.json === undefined) {
    const { refuseWithoutTerminal, watchQueue } = await import('./monitor/watch.ts');
    refuseWithoutTerminal(context);
    context.stopsByItself = true;
    return watchQueue(context, { readOnly, at, window: options.window ?? '15m' });
  }
  const { openMonitor } = await import('./monitor/watch.ts');
  const opened = await openMonitor(context, { readOnly, at });
  try {
    const { readOnce, pickFields } = await import('./monitor/once.ts');
    const columns = size.columns ?? (io.stdout.columns || 100);
    const window = options.window ?? '1h';
    const read = await readOnce(opened, { window, columns });
    if (options.json !== undefined) {
      const fields = typeof options.json === 'string' ? options.json : '';
      return printData(io, toJson(pickFields(opened.session, read, fields), io.stdout.isTTY));
    }
    const { drawOnce } = await import('./monitor/frame.tsx');
    const frame = drawOnce(opened, read, {
      window,
      columns,
      rows: size.rows ?? (io.stdout.rows || 40),
      env: io.env,
      color: io.color,
    });
    // The lines are safe already; the escape sequences in them are our own colours.
    io.stdout.write(`${frame}\n`);
  } finally {
    await opened.db.close();
  }
}
