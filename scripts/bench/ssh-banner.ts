import { connect } from 'node:net'

const connectTimeoutMs = 250
const bannerTimeoutMs = 30_000
const pauseMs = 20

/** Resolves when the SSH server at an address has greeted. Tries again and again; the whole measurement has its own limit. */
export async function waitForBanner(locate: () => Promise<{ host: string; port: number } | undefined>): Promise<void> {
  for (;;) {
    const where = await locate()
    if (where && (await hasBanner(where.host, where.port))) return
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

async function hasBanner(host: string, port: number): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port })
    const finish = (isGreeted: boolean) => {
      socket.destroy()
      resolve(isGreeted)
    }
    socket.setTimeout(connectTimeoutMs, () => finish(false))
    socket.once('connect', () => socket.setTimeout(bannerTimeoutMs))
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('SSH-')))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
  })
}
