import { Argument } from 'commander';

/** An argument for which the shell offers words, though it may be something else. */
export class CompletedArgument extends Argument {
  readonly offered: string[];

  constructor(term: string, about: string, offered: string[]) {
    super(term, about);
    this.offered = offered;
  }
}
