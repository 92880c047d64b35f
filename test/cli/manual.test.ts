import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { Roff } from '../../src/commands/manual/roff.ts';
import { KEYMAP } from '../../src/commands/monitor/keymap.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { environmentName, SETTINGS } from '../../src/lib/config-schema.ts';
import { processIo } from '../../src/lib/output/io.ts';
import { runCli } from '../support/cli.ts';

const PAGE = new URL('../../dist/donations.1', import.meta.url).pathname;
const hasMandoc = spawnSync('mandoc', ['-Tlint', '/dev/null']).error === undefined;

/** The page as a terminal shows it, on one line. */
const shown = () => {
  const { stdout } = spawnSync('mandoc', ['-Tutf8', '-Owidth=1000', PAGE], { encoding: 'utf8' });
  // Bold characters are written twice.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: backspaces, by which they are overwritten
  return stdout.replace(/.\u0008/gu, '').replace(/\s+/g, ' ');
};

describe('the manual page of the build', () => {
  it('is what the commands of this version give', async () => {
    const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
    const { stdout, code } = await runCli(['__manual'], { env });
    expect(code).toBe(0);
    const withoutDate = (text: string) => text.replace(/^\.TH .*\n/, '');
    expect(withoutDate(readFileSync(PAGE, 'utf8'))).toBe(withoutDate(stdout));
  });

  it.skipIf(!hasMandoc)('has no error and no warning', () => {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', PAGE], { encoding: 'utf8' });
    expect(stdout + stderr).toBe('');
  });

  it.skipIf(!hasMandoc)('has every command, key, variable and exit code', async () => {
    const page = shown();
    const program = await buildProgram(
      createContext({
        io: processIo({ color: false }),
        signal: new AbortController().signal,
        version: '0',
        args: [],
      }),
    );
    for (const noun of program.createHelp().visibleCommands(program)) {
      expect(page).toContain(` donations ${noun.name()} `);
      for (const verb of noun.createHelp().visibleCommands(noun))
        expect(page).toContain(` donations ${noun.name()} ${verb.name()} `);
    }
    for (const { shown, about } of KEYMAP) expect(page).toContain(` ${shown} ${about}`);
    for (const key of SETTINGS) expect(page).toContain(` ${environmentName(key)} `);
    expect(page).toContain(' 75 try again later');
    expect(page).toContain('$ donations logs --follow ');
  });
});

describe('roff', () => {
  it.skipIf(!hasMandoc)('shows text as it is', () => {
    const texts = [
      '.SH no heading',
      "'quoted' \\fBnot bold\\fR",
      'a-b — ✕ 😀 "c"',
      `${'x'.repeat(90)} .y`,
    ];
    const page = new Roff({ name: 'x', section: '1', date: '2026-11-29', source: 'x 1' });
    for (const text of texts) {
      page.subsection(text);
      page.paragraph(text);
      page.term(text, text);
      page.verbatim([text]);
    }
    const { stdout } = spawnSync('mandoc', ['-Tutf8', '-Owidth=1000'], {
      input: page.toString(),
      encoding: 'utf8',
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const plain = stdout.replace(/.\u0008/gu, '').replace(/ +/g, ' ');
    for (const text of texts) expect(plain.split(text)).toHaveLength(6);
  });
});
