import type { Io } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';

/** Writes what a command did: one object for scripts, sentences for people. */
export function writeDone<Done>(
  io: Io,
  options: OutputOptions,
  fields: Column<Done>[],
  done: Done,
  tell: () => void,
): void {
  if (chosenFormat(options).format === 'table') tell();
  else renderOne(io, options, fields, done);
}

/**
 * Writes, for scripts, a line of the life of a command that runs until it is stopped: what it is when it
 * has started, and when it has ended.
 */
export function writeLife<Life>(
  io: Io,
  options: OutputOptions,
  fields: Column<Life>[],
  life: Life,
): void {
  if (chosenFormat(options).format === 'table') return;
  renderOne(io, { ...options, output: 'ndjson' }, fields, life);
}
