import { Command } from 'commander';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface Setting {
  name: string;
  /** The value as it may be shown: secrets are masked. */
  value: unknown;
  source: string;
  environment: string;
}

const COLUMNS: Column<Setting>[] = [
  { name: 'setting', header: 'SETTING', value: ({ name }) => name },
  {
    name: 'value',
    header: 'VALUE',
    value: ({ value }) => value,
    text: ({ value }) => inWords(value),
  },
  {
    name: 'source',
    header: 'FROM',
    value: ({ source }) => source,
    tone: ({ source }) => (source === 'default' ? 'dim' : undefined),
  },
  {
    name: 'environment',
    header: 'ENVIRONMENT',
    value: ({ environment }) => environment,
    wide: true,
  },
];

/** `donations config show`: every effective setting and where it came from. */
export function configShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('show every effective setting and its source, with secrets masked')
    .action(async (options: OutputOptions) => {
      const { SETTINGS, environmentName, shownSetting } = await import(
        '../../lib/config-schema.ts'
      );
      const config = await context.config();
      const sources = await context.configSources();
      const rows = SETTINGS.map((name): Setting => {
        return {
          name,
          value: shownSetting(name, valueAt(config, name)),
          source: sources[name] ?? 'default',
          environment: environmentName(name),
        };
      });
      render(context.io, options, COLUMNS, rows);
    });
  return examples(withOutput(command, COLUMNS), [
    ['donations config show', 'each setting, its value and its source'],
    ['donations config show --json=setting,value,source', 'the same for a script'],
  ]);
}

const valueAt = (config: object, name: string): unknown =>
  name
    .split('.')
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], config);

function inWords(value: unknown): string {
  if (value === undefined) return '–';
  return Array.isArray(value) ? value.join(' | ') : String(value);
}
