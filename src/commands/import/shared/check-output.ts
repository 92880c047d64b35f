import { usageError } from '../../../lib/errors.ts';
import { chosenFormat, type OutputOptions } from '../../../lib/output/render.ts';

/** What is written is one object: nothing else may have been asked for, and it is said before anything is done. */
export function checkOutput(options: OutputOptions): void {
  const { format, fields } = chosenFormat(options);
  if (fields) throw usageError('the result is one object, of which no fields can be picked');
  if (format === 'csv')
    throw usageError('the result is one object: --output csv has no rows to write');
}
