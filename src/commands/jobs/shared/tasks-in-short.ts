/** Names of tasks in a narrow column: the first whole, and how many more there are. */
export const tasksInShort = ([first = '', ...others]: string[]): string =>
  others.length > 0 ? `${first} +${others.length}` : first;
