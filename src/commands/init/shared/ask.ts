import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { usageError } from '../../../lib/errors.ts';
import { promptText, say } from '../../../lib/output/io.ts';
import type { Context } from '../../context.ts';
import { explain, formatFailure } from '../../report-error.ts';
import { type Answers, answerProblem, QUESTIONS, type Question } from './questions.ts';
import { testAnswer } from './test-answer.ts';

/** The answers of the flags, tested one by one; at a terminal the others are asked for. */
export async function collectAnswers(context: Context, given: Answers): Promise<Answers> {
  const { io } = context;
  const asks = Boolean(io.stdin.isTTY && io.stderr.isTTY);
  const answers: Answers = {};
  const missing: Question[] = [];
  for (const question of QUESTIONS) {
    const { setting, flag, fallback } = question;
    if (answers.mode === 'sandbox' && !question.always) {
      if (given[setting] === undefined) continue;
      throw usageError(`--${flag} is not for the sandbox, which has no accounts`);
    }
    const said = given[setting] ?? (asks ? undefined : fallback?.({ ...given, ...answers }));
    if (said === undefined && !asks) {
      missing.push(question);
      continue;
    }
    if (said === undefined) {
      answers[setting] = await askUntilRight(context, question, answers, given);
      continue;
    }
    const problem = answerProblem(question, said);
    if (problem) throw usageError(`--${flag}: ${problem}`);
    answers[setting] = said;
    const found = missing.length > 0 ? undefined : await testAnswer(io, setting, answers);
    if (found) say(io, found);
  }
  if (missing.length > 0) {
    throw usageError(
      `not given: ${missing.map(({ flag }) => `--${flag}`).join(' ')}`,
      'At a terminal they are asked for. Keys may come from STRIPE_SECRET_KEY and SENDGRID_API_KEY.',
    );
  }
  return answers;
}

async function askUntilRight(
  context: Context,
  question: Question,
  answers: Answers,
  given: Answers,
): Promise<string> {
  const { io } = context;
  const otherwise = question.fallback?.({ ...given, ...answers });
  for (;;) {
    const typed = await ask(context, question, otherwise);
    const answer = typed === '' ? (otherwise ?? '') : typed;
    const problem = answerProblem(question, answer);
    if (problem) {
      say(io, `  It ${problem}.`);
      continue;
    }
    try {
      const found = await testAnswer(io, question.setting, {
        ...answers,
        [question.setting]: answer,
      });
      if (found) say(io, `  ${found}`);
      return answer;
    } catch (error) {
      const failure = await explain(error, context);
      if (!failure || failure.code === 'bug') throw error;
      say(io, formatFailure(failure, false));
    }
  }
}

async function ask(
  { io, signal }: Context,
  { text, secret }: Question,
  otherwise: string | undefined,
): Promise<string> {
  say(io, `${text}${otherwise ? ` [${otherwise}]` : ''}`);
  // What is typed is written back by us; a key is not.
  const output = secret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : io.stderr;
  const lines = createInterface({ input: io.stdin, output, terminal: true });
  lines.once('SIGINT', () => {
    say(io, '\ndonations: interrupted; nothing was written');
    process.kill(process.pid, 'SIGINT');
  });
  try {
    return (await lines.question(promptText(io, '> '), { signal })).trim();
  } finally {
    lines.close();
    if (secret) say(io, '');
  }
}
