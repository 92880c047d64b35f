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
 * Writes one JSON line for scripts when a command that runs until it is stopped has started, and one when
 * it has ended.
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
