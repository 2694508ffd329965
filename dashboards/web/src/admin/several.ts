/** Asked of the server at the same time. */
const AT_ONCE = 6;

/** Runs over the rows, a few at a time. */
export async function over<T>(rows: readonly T[], read: (row: T) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    for (let at = next++; at < rows.length; at = next++) await read(rows[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, rows.length) }, runner));
}
