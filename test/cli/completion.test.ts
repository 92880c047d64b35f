import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
const { stdout: script } = await runCli(['completion', 'bash'], { env });

/** The words that bash offers for the last word. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _donations; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('completion bash', () => {
  it('completes nouns, verbs and options', () => {
    expect(offered('donations', 'wor')).toEqual(['worker']);
    expect(offered('donations', 'worker', '')).toContain('start');
    expect(offered('donations', 'worker', 'st')).toEqual(['start']);
    expect(offered('donations', 'worker', 'start', '--on')).toEqual(['--once']);
    expect(offered('donations', 'completion', 'z')).toEqual(['zsh']);
  });

  it('skips options and arguments', () => {
    expect(offered('donations', 'worker', 'start', '--once', '--conc')).toEqual(['--concurrency']);
    expect(offered('donations', 'show', 'don_1', '--js')).toEqual(['--json']);
    expect(offered('donations', 'nonsense', 'wor')).toEqual(['worker']);
  });

  it('completes the terms of a filter, which bash splits at the colon', () => {
    const typed = (line: string, ...words: string[]) => {
      const ask = `COMP_LINE='${line}'; COMP_POINT=${line.length}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _donations; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
        .trim()
        .split('\n');
    };
    expect(typed('donations jobs list finger', 'donations', 'jobs', 'list', 'finger')).toEqual([
      'fingerprint:',
    ]);
    expect(
      typed('donations jobs retry state:fa', 'donations', 'jobs', 'retry', 'state', ':', 'fa'),
    ).toEqual(['failed']);
    expect(offered('donations', 'jobs', 'pause', 'send')).toEqual(['send_receipt']);
  });

  it('omits internal commands', () => {
    expect(offered('donations', 'sandbox', 'se')).not.toContain('serve');
  });
});

it.each(['zsh', 'fish'])('completion %s names every command', async (shell) => {
  const { code, stdout } = await runCli(['completion', shell], { env });
  expect(code).toBe(0);
  for (const word of ['worker', 'start', 'receipts', 'resolve', 'doctor'])
    expect(stdout).toContain(word);
});

it('offers the shells there are', async () => {
  const { code, stderr } = await runCli(['completion', 'tcsh'], { env });
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
