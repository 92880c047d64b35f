import type { Logger } from 'pino';
import type { AlertMessage } from '../message.ts';

const METHODS = { critical: 'error', warning: 'warn' } as const;

/** Writes each alert as a line in the log of the delivering process. */
export function writeToLog(log: Logger, { alerts }: AlertMessage): void {
  for (const { id, incident, event, level, rule, subject, title, since } of alerts) {
    // `level` is the log's own.
    const method = event === 'recovered' || event === 'test' ? 'info' : METHODS[level];
    log[method]({ alert: id, incident, event, severity: level, rule, subject, since }, title);
  }
}
