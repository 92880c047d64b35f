import { UserError } from '../../errors.ts';

/** The columns of a file are not understood: what is asked about is in it. */
export class UnmappedError extends UserError {
  readonly header: string[];
  /** The first rows. */
  readonly sample: (string | number)[][];

  constructor(cause: UserError, header: string[], sample: (string | number)[][]) {
    super(cause.code, cause.message, cause.hint, { cause });
    this.header = header;
    this.sample = sample;
  }
}
