import { expect, it } from 'vitest';
import { allCommands, fieldNames, hasOption } from '../support/commands.ts';
import { EXCEPTIONS, FIELDS, type Field, fieldOf } from '../support/json-fields.ts';
import { LIVES, writesList } from '../support/json-schema.ts';

/** What `monitor --json` writes; it has no other format. */
const MONITOR = 'at took_ms health tasks workers events history'.split(' ');

/** Every command with the options that change its fields, and its fields. */
const commands: [command: string, fields: string[]][] = [['monitor', MONITOR]];
for (const leaf of await allCommands()) {
  if (!hasOption(leaf, '--output')) continue;
  const name = leaf.words.join(' ');
  const plain = await fieldNames(name);
  commands.push([name, plain]);
  for (const [option, ...value] of [['--dry-run'], ['--daily'], ['--open', 'x']] as const) {
    if (!hasOption(leaf, option)) continue;
    const fields = await fieldNames(name, [option, ...value]);
    if (fields.length > 0 && fields.join() !== plain.join())
      commands.push([`${name} ${option}`, fields]);
  }
}
commands.sort(([a], [b]) => (a < b ? -1 : 1));

it('docs/json.md is up to date; npm run docs writes it', async () => {
  await expect(reference()).toMatchFileSnapshot('../../docs/json.md');
});

it('each name is explained, and no other', () => {
  const used = new Set<string>();
  const use = (command: string, name: string) => {
    const field = fieldOf(command, name);
    expect(field, `${command}: ${name}`).toBeDefined();
    if (used.has(`${command} ${name}`)) return;
    used.add(`${command} ${name}`).add(name);
    for (const inner of field?.of ?? []) use(command, inner);
  };
  for (const [command, names] of commands) for (const name of names) use(command, name);
  for (const name of MONITOR_ONLY) used.add(name);
  expect(Object.keys(FIELDS).filter((name) => !used.has(name))).toEqual([]);
});

/** In the parts of the monitor. */
const MONITOR_ONLY =
  'took_ms ready_estimate done_by_minute tone stopped_at span_ms failed_since held_since'.split(
    ' ',
  );

function reference(): string {
  const lines = commands.map(
    ([command, names]) =>
      `| \`${command}\` | ${LIVES.includes(command) ? 'two objects' : writesList(command) ? 'list' : 'object'} | ${names.map((name) => `\`${name}\``).join(' ')} |`,
  );
  return `${INTRODUCTION}
## Commands

| command | writes | fields |
| --- | --- | --- |
${lines.join('\n')}

## Fields

| field | type | meaning |
| --- | --- | --- |
${rowsOf(FIELDS)}

## Exceptions

Scripts rely on these names too. They mean something else in these commands:

| command | field | type | meaning |
| --- | --- | --- | --- |
${Object.entries(EXCEPTIONS)
  .flatMap(([command, fields]) =>
    rowsOf(fields)
      .split('\n')
      .map((row) => `| \`${command}\` ${row}`),
  )
  .join('\n')}
`;
}

const rowsOf = (fields: Record<string, Field>) =>
  Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, of, meaning }]) => {
      const inner = of ? ` of ${of.map((each) => `\`${each}\``).join(' ')}` : '';
      return `| \`${name}\` | ${type}${inner} | ${meaning.replaceAll('|', '\\|')} |`;
    })
    .join('\n');

const INTRODUCTION = `# JSON

Every command has \`--json\`. \`--json=donation,status\` selects fields,
and \`--output ndjson\` writes one object a line. This page is made from the commands: \`npm run docs\`.

\`\`\`sh
donations jobs list --failed --json | jq -r '.[] | [.job, .donor.name, .last_error] | @tsv'
donations list --status declined --json | jq 'map(.amount_minor) | add'
donations show 2026-42 --json | jq '.receipts[].deliveries[] | select(.status == "held") | .delivery'
\`\`\`

- **One name for one thing.** A name means the same and has the same type in every command. The id of a thing has
  the name of the thing: \`donation\`, \`job\`, \`receipt\`, \`batch\`, \`worker\`, \`audit\`. \`status\` is that of the thing that
  the line is about. A donor is always the object \`donor\`.
- **Every field is always there.** It is \`null\` where there is nothing to say.
- **A list is an array**, also with one row or none. Nothing else is written to stdout.
- **Money** is \`amount_minor\`, an integer in the smallest unit, with \`currency\`; \`amount\` is decimal text.
- **Moments** (\`…_at\`, \`since\`, \`until\`) are RFC 3339 in UTC, **days** (\`…_on\`) are \`YYYY-MM-DD\`, and **times** (\`…_ms\`)
  are whole milliseconds.
- **CSV** has the same names. The parts of \`donor\` and \`card\` are columns: \`donor_id\`, \`donor_name\`, \`donor_email\`.
- **An error** is one object on stderr: \`{"error": {"code", "message", "hint"}}\`, with the ids that it speaks of by
  the names below: \`donation\`, \`receipt\`, \`job\`. \`donations help exit-codes\` lists the exit codes.

- **A command that runs until it is stopped** (\`worker start\`, \`webhooks listen\`, \`sandbox serve\`) writes an object on
  one line when it has started and another when it ends; \`status\` says which it is. Its log goes to stderr.
  \`logs --follow\` and \`--watch\` write one object a line as they go. \`demo\` writes its result when it ends.
- Without \`--json\`, \`import template\` and \`import rejects\` write a CSV file to fill in, and \`completion\` a script.
`;
