import { maskText } from '../mask.ts';

interface Result {
  /** 0 for success. */
  code: number;
  error?: Error;
}

interface Exporter<Items> {
  export(items: Items, done: (result: Result) => void): void;
}

/** The exporter itself, which calls `onTrouble` when sending begins to fail, or fails in another way. */
export function reporting<Items, E extends Exporter<Items>>(
  exporter: E & Exporter<Items>,
  what: 'traces' | 'metrics',
  onTrouble: (message: string) => void,
): E {
  let last: string | undefined;
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      const why = result.code === 0 ? undefined : reasonOf(result.error);
      if (why !== undefined && why !== last)
        onTrouble(`the OpenTelemetry collector does not take ${what}: ${why}`);
      last = why;
      done(result);
    });
  return exporter;
}

/** A number is the status of the answer. An address may have a password, so it is masked. */
function reasonOf(error: (Error & { code?: number | string }) | undefined): string {
  if (typeof error?.code === 'number') return `it answered ${error.code}`;
  return maskText(error?.code ?? error?.message ?? 'it did not answer');
}
