import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../lib/errors.ts';
import { printData, say } from '../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../lib/output/render.ts';
import type { Context } from './context.ts';
import { collectAnswers } from './init/shared/ask.ts';
import { type Answers, QUESTIONS, toValues } from './init/shared/questions.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';
import { writeDone } from './shared/write-result.ts';

const FIELDS = fieldsOf('file', 'sample');

interface Options extends Record<string, string | boolean | undefined>, OutputOptions {
  file: string;
  force?: boolean;
  printSample?: boolean;
}

/** `donations init`: asks for the settings, tests each, writes the file. */
export function initCommand(context: Context): Command {
  const command = new Command('init').description(
    'ask for the settings, test each with its service, and write donations.toml',
  );
  for (const { flag, text } of QUESTIONS) command.option(`--${flag} <value>`, text);
  command
    .option('--file <path>', 'the file to write', 'donations.toml')
    .option('--force', 'write over a file that is there')
    .option('--print-sample', 'print the file with every setting, its meaning and its default');
  return examples(withOutput(command, FIELDS), [
    ['donations init', 'be asked'],
    ['donations init --mode sandbox --file /tmp/donations.toml', 'without questions'],
    ['donations init --print-sample', 'every setting there is'],
  ]).action(async (options: Options) => {
    const { io } = context;
    const { sampleConfig } = await import('../lib/config-sample.ts');
    if (options.printSample) {
      const sample = sampleConfig({}).trimEnd();
      return writeDone(io, options, FIELDS, { file: null, sample }, () => printData(io, sample));
    }
    const file = resolve(io.cwd, options.file);
    if (!options.force && existsSync(file)) throw notWritten(file, 'EEXIST');
    const answers = await collectAnswers(context, given(options, io.env));
    const text = sampleConfig(toValues(answers));
    await writeFile(file, text, { mode: 0o600, flag: options.force ? 'w' : 'wx' }).catch(
      ({ code }: NodeJS.ErrnoException) => {
        throw notWritten(file, code);
      },
    );
    writeDone(io, options, FIELDS, { file, sample: null }, () => {
      say(io, `Written: ${file}, which only you may read.`);
      if (answers.databaseUrl) say(io, 'To set the database up: donations db migrate');
      say(io, 'To look whether everything is in order: donations doctor');
    });
  });
}

const notWritten = (file: string, code: string | undefined) =>
  new UserError(
    'configuration',
    code === 'EEXIST' ? `${file} is there already` : `${file} cannot be written (${code})`,
    'Write another with --file, or this one anew with --force.',
  );

/** What the flags say; keys may be in the environment, which other users do not see. */
function given(options: Options, env: NodeJS.ProcessEnv): Answers {
  const fromEnvironment: Record<string, string | undefined> = {
    databaseUrl: env.DATABASE_URL,
    'stripe.secretKey': env.STRIPE_SECRET_KEY,
    'sendgrid.apiKey': env.SENDGRID_API_KEY,
  };
  return Object.fromEntries(
    QUESTIONS.flatMap(({ setting, flag }) => {
      const name = flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      const value = options[name] ?? (fromEnvironment[setting] || undefined);
      return typeof value === 'string' ? [[setting, value.trim()]] : [];
    }),
  );
}
