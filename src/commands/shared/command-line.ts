/** A command line of ours as it would have to be typed. */
export const commandLine = (args: string[]): string =>
  ['donations', ...args.map(quoteArgument)].join(' ');

/** One word of a command line for a shell. */
export const quoteArgument = (arg: string): string =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
