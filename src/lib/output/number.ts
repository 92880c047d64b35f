/** A measured number with as many decimals as mean something: none for milliseconds and counts. */
export const round = (value: number, decimals = 0): number => Number(value.toFixed(decimals));
