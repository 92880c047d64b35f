/**
 * Ids or keys of jobs as the text of a Postgres array. They need no quotes; given an array, pg would look
 * at each of them to find that out.
 */
export const arrayOf = (ids: readonly (string | bigint | number)[]): string => `{${ids.join(',')}}`;
