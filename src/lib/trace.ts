import { AsyncLocalStorage } from 'node:async_hooks';

/** Node keeps one value for each chain of calls, so concurrent work does not mix. */
const current = new AsyncLocalStorage<string>();

/**
 * The W3C `traceparent` of the span in which the caller runs; undefined when nothing is traced.
 * https://www.w3.org/TR/trace-context/#traceparent-header
 */
export const currentTrace = (): string | undefined => current.getStore();

/** Runs `work` in the span of this `traceparent`. */
export const inTrace = <T>(traceparent: string, work: () => T): T => current.run(traceparent, work);

/** The field of a job's payload that has the trace context of whatever added the job. */
const FIELD = 'traceparent';

/** The trace context that a job which is added now has in its payload; undefined if there is none. */
export function traceFields(): Record<string, string> | undefined {
  const traceparent = currentTrace();
  return traceparent === undefined ? undefined : { [FIELD]: traceparent };
}

/** The payload of a job that is added now: with the trace context, if there is one. */
export const withTrace = <P extends object>(payload: P): P => ({ ...payload, ...traceFields() });

/** The trace context in a payload, unchecked. */
export function traceOf(payload: unknown): string | undefined {
  const found = (payload as Record<string, unknown> | null)?.[FIELD];
  return typeof found === 'string' ? found : undefined;
}
