import { type Logger, pino } from 'pino';
import { configurationError } from '../errors.ts';
import { quoted, safeText } from '../text.ts';
import type { Io } from './io.ts';

const LEVELS = [...Object.keys(pino.levels.values), 'silent'];

/**
 * The log on stderr: JSON lines for machines, readable lines on a terminal. Call sites choose each
 * logged field. Errors are never logged as objects, because a provider's error may contain the
 * request with its key and its mail.
 */
export async function createLogger(io: Io): Promise<Logger> {
  const level = io.env.DONATIONS_LOG_LEVEL || 'info';
  if (!LEVELS.includes(level)) {
    throw configurationError(
      `DONATIONS_LOG_LEVEL: ${quoted(level)} is not one of ${LEVELS.join(', ')}`,
    );
  }
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: {
      // Log files are also read on terminals.
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn) {
        method.apply(this, args.map(safeValue) as Parameters<pino.LogFn>);
      },
    },
  };
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

/** The value with every text in it made safe. */
function safeValue(value: unknown): unknown {
  if (typeof value === 'string') return safeText(value);
  if (Array.isArray(value)) return value.map(safeValue);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [safeText(key), safeValue(inner)]),
  );
}
