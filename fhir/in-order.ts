/**
 * The results of `work` for each item, in the items' order, with at most `width` of them being worked on ahead of the reader. A failure is
 * thrown at its item's turn.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const ahead: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    result.catch(() => undefined); // thrown when its turn comes
    ahead.push(result);
    if (ahead.length >= width) yield ahead.shift()!;
  }
  for (const result of ahead) yield result;
}

/** Does `work` for each item, at most `width` at once; rejects with the first failure, when nothing is being worked on any more. */
export const eachOf = async <T>(items: Iterable<T>, width: number, work: (item: T) => Promise<void>): Promise<void> => {
  const queue = Iterator.from(items);
  const workers = Array.from({ length: width }, async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  });
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
};
