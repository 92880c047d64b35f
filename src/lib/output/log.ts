import { type Logger, pino } from 'pino';
import type { Io } from './io.ts';

/**
 * The log, on stderr: JSON lines for machines, one readable line each on a terminal. What is logged
 * is chosen field by field where it happens; errors are never logged as objects, since a provider's
 * error may carry the request with its key and its mail.
 */
export async function createLogger(io: Io): Promise<Logger> {
  const level = io.env.DONATIONS_LOG_LEVEL || 'info';
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!io.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: io.color,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'level',
    hideObject: true,
    messageFormat:
      '{msg}{if ms} in {ms} ms{end}{if job} · job {job}, attempt {attempt}{end}{if donation} · {donation}{end}{if next} · again at {next}{end}{if stack}\n{stack}{end}',
  });
  return pino(options, stream);
}
