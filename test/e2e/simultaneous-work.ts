/** Begins the same work several times at once; `stop` resolves when the calls under way have ended, one way or the other. */
export function workSimultaneously(
  count: number,
  workUntil: (isOver: () => boolean) => Promise<void>,
): { stop(): Promise<void> } {
  let isOver = false
  const workers = Array.from({ length: count }, () => workUntil(() => isOver))
  return {
    stop: async () => {
      isOver = true
      await Promise.all(workers)
    },
  }
}

/** The call broke off, or was never heard: there is no daemon. */
export function isDaemonGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'].includes(code)
}
