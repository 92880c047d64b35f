import { type Attributes, inSpan, type Note } from '../../lib/telemetry/telemetry.ts';
import { currentTrace } from '../../lib/trace.ts';
import type { Context } from '../context.ts';

/**
 * Runs a part of a command in a span, if there is telemetry: the jobs that it adds belong to its trace,
 * which is the caller's if the environment variable `TRACEPARENT` names one.
 *
 * @param name the words of the command.
 */
export async function inCommandSpan<T>(
  context: Context,
  name: string,
  attributes: Attributes,
  work: (note: Note) => Promise<T>,
): Promise<T> {
  const parent = currentTrace() ?? context.io.env.TRACEPARENT;
  return inSpan(await context.telemetry(), name, { kind: 'internal', parent, attributes }, work);
}
