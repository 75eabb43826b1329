import { createServer, type Server } from 'node:net'

/** A /16 of 127.0.0.0/8 that no other live daemon of this host uses. */
export interface PublicBlock {
  readonly cidr: string
  release(): void
}

const firstOctet = 80
const lastOctet = 254

/**
 * Claims the preferred block, or the next one that is free. The claim is an abstract unix socket: the kernel drops it when the
 * daemon ends, however it ends, and it is seen by every user of the host.
 */
export async function claimPublicBlock(preferred: string): Promise<PublicBlock> {
  const start = Number(preferred.split('.')[1])
  const count = lastOctet - firstOctet + 1
  for (let step = 0; step < count; step++) {
    const octet = firstOctet + ((start - firstOctet + step) % count)
    const claim = await tryClaim(octet)
    if (claim) return { cidr: `127.${octet}.0.0/16`, release: () => claim.close() }
  }
  throw new Error('every block of 127.80.0.0 to 127.254.0.0 is used by another daemon')
}

async function tryClaim(octet: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(`\0kiln-public-127.${octet}`, () => {
      server.unref()
      resolve(server)
    })
  })
}
