/** A server that does not begin to answer in this time has gone. */
const answerTimeoutMs = 120_000

/** `fetch` that waits so long for an answer's head, and follows no redirection: whoever asks says where it may lead. */
export async function fetchInTime(
  url: URL,
  { signal, ...init }: RequestInit & { signal: AbortSignal },
): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error('it does not answer')), answerTimeoutMs)
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.any([signal, late.signal]) })
  } finally {
    clearTimeout(timer)
  }
}
