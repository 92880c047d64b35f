import { Command } from 'commander';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import {
  describeRule,
  FAILURE_CLASSES,
  type FailureClass,
  POLICY,
} from '../../lib/queue/policy.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface Row {
  task: string;
  errorClass: FailureClass;
  decision: string;
  rule: string;
}

const COLUMNS: Column<Row>[] = [
  { name: 'task', header: 'TASK', value: (row) => row.task, whole: true },
  { name: 'error_class', header: 'FAILURE', value: (row) => row.errorClass },
  { name: 'decision', header: 'DECISION', value: (row) => row.decision },
  { name: 'consequence', header: 'WHAT FOLLOWS', value: (row) => row.rule },
  { name: 'meaning', header: 'WHEN', value: (row) => FAILURE_CLASSES[row.errorClass], wide: true },
];

/** `donations jobs policy`: prints the retry policy. */
export function jobsPolicyCommand(context: Context): Command {
  const command = new Command('policy').description(
    'show what follows from each kind of failure, for each task',
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations jobs policy', 'the whole table'],
    ['donations jobs policy --json=task,error_class,decision', 'the same for a script'],
  ]).action((options: OutputOptions) => {
    const rows = Object.entries(POLICY).flatMap(([task, rules]) =>
      (Object.keys(rules) as FailureClass[]).map((errorClass) => ({
        task,
        errorClass,
        decision: rules[errorClass].do,
        rule: describeRule(rules[errorClass]),
      })),
    );
    render(context.io, options, COLUMNS, rows);
  });
}
