/**
 * Ids or keys of jobs as the text of a Postgres array. They contain nothing that needs quotes, for which
 * pg would search each of them.
 */
export const arrayOf = (ids: readonly (string | bigint | number)[]): string => `{${ids.join(',')}}`;
