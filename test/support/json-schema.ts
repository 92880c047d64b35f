import { z } from 'zod';
import { fieldOf } from './json-fields.ts';

/** The types of values, by the words of docs/json.md. */
const TYPES = {
  text: z.string(),
  count: z.int().nonnegative(),
  number: z.number(),
  'minor units': z.int(),
  decimal: z.string().regex(/^-?\d+(\.\d+)?$/),
  share: z.number().min(0).max(1),
  milliseconds: z.int().nonnegative(),
  moment: z.iso.datetime(),
  day: z.iso.date(),
  'true or false': z.boolean(),
  'job id': z.string().regex(/^\d+$/),
  ...idTypes('don', 'dnr', 'rcp', 'dlv', 'bat', 'wrk', 'aud', 'inc', 'sil'),
  texts: z.array(z.string()),
  counts: z.array(z.int().nonnegative()),
  sums: z.record(z.string().regex(/^[A-Z]{3}$/), z.string()),
  'any JSON': z.json(),
} as const;

export type Type = keyof typeof TYPES;

function idTypes<Prefix extends string>(...prefixes: Prefix[]) {
  return Object.fromEntries(
    prefixes.map((prefix) => [
      `${prefix}_…`,
      z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`)),
    ]),
  ) as Record<`${Prefix}_…`, z.ZodString>;
}

/** The commands that write a list; the others write one object. */
const LISTS =
  /^(list|logs|cron list|statements list|donors list|receipts (list|missing)|import (list|diff|rejects|template|map list)|offline list|worker list|alerts (list|silence|rules|check)|jobs (list|errors|stats|policy)|jobs rescue --dry-run|audit list|sandbox inbox|config show|doctor|help)$/;
export const writesList = (command: string): boolean => LISTS.test(command);

/** The commands that run until they are stopped, which write an object when they start and one when they end. */
export const LIVES = ['worker start', 'webhooks listen', 'sandbox serve'];

function valueSchema(command: string, name: string): z.ZodType {
  const field = fieldOf(command, name);
  if (!field) throw new Error(`${command}: nothing says what the field ${name} is`);
  if (field.type !== 'object' && field.type !== 'list') return TYPES[field.type].nullable();
  const [first, ...others] = field.of ?? [];
  const shape = z.strictObject({
    ...(first ? { [first]: valueSchema(command, first) } : {}),
    ...Object.fromEntries(others.map((each) => [each, valueSchema(command, each).optional()])),
  });
  return (field.type === 'list' ? z.array(shape) : shape).nullable();
}

/** The schema of a command's JSON: these fields and no others, each null where there is nothing to say. */
export function schemaOf(command: string, names: string[]): z.ZodType {
  const record = z.strictObject(
    Object.fromEntries(names.map((name) => [name, valueSchema(command, name)])),
  );
  return writesList(command) ? z.array(record) : record;
}

/** The schema of rows with these fields, whatever command they stand in. */
export const rowsSchema = (names: string): z.ZodType =>
  z.array(
    z.strictObject(
      Object.fromEntries(names.split(' ').map((name) => [name, valueSchema('', name)])),
    ),
  );
