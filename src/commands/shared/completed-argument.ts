import { Argument } from 'commander';

/** An argument with words for shell completion that also accepts other values. */
export class CompletedArgument extends Argument {
  readonly offered: string[];

  constructor(term: string, about: string, offered: string[]) {
    super(term, about);
    this.offered = offered;
  }
}
