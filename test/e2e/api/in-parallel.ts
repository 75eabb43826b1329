const connections = 8

/** Does work on each item, several at a time. Answers the results as they come. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = [...items].reverse()
  const run = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: connections }, run))
  return results
}
