import { setMaxListeners } from 'node:events'
import { connect } from 'node:net'

const connectTimeoutMs = 250
const bannerTimeoutMs = 30_000
const pauseMs = 20
/**
 * Resolves when the SSH server at an address has greeted. After `patienceMs` without an answer the next attempt begins beside the ones that
 * still wait: QEMU's user network accepts a connection long before the guest does and then asks the guest at ever longer intervals, so that
 * whoever waits on one connection alone hears of it up to twelve seconds late. The whole measurement has its own limit.
 */
export async function waitForBanner(
  locate: () => Promise<{ host: string; port: number } | undefined>,
  patienceMs = 250,
): Promise<void> {
  const ending = new AbortController()
  setMaxListeners(0, ending.signal)
  let isGreeted = false
  while (!isGreeted) {
    const where = await locate()
    const attempt = where ? hasBanner(where.host, where.port, ending.signal) : Promise.resolve(false)
    const told = attempt.then((answer) => (isGreeted ||= answer))
    await Promise.race([told, pause(patienceMs)])
    await pause(isGreeted ? 0 : pauseMs)
  }
  ending.abort()
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function hasBanner(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port })
    const finish = (isGreeted: boolean) => {
      socket.destroy()
      resolve(isGreeted)
    }
    signal.addEventListener('abort', () => finish(false), { once: true })
    socket.setTimeout(connectTimeoutMs, () => finish(false))
    socket.once('connect', () => socket.setTimeout(bannerTimeoutMs))
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('SSH-')))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
  })
}
