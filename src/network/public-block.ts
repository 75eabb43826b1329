import { connect, createServer, type Server } from 'node:net'

/** A /16 of 127.0.0.0/8 that no other live daemon of this host uses. */
export interface PublicBlock {
  readonly cidr: string
  release(): void
}

const firstOctet = 80
const lastOctet = 254
const answerTimeoutMs = 1000

/**
 * Claims the preferred block, or the next one that is free; undefined when every one of 127.80.0.0 to 127.254.0.0 is taken. The claim
 * is an abstract unix socket: the kernel drops it when the daemon ends, however it ends, and it is seen by every user of the host.
 * `owner` is told to whoever asks for it.
 */
export async function claimPublicBlock(preferred: string, owner: string): Promise<PublicBlock | undefined> {
  const start = secondOctetOf(preferred)
  const count = lastOctet - firstOctet + 1
  for (let step = 0; step < count; step++) {
    const octet = firstOctet + ((start - firstOctet + step) % count)
    const claim = await tryClaim(octet, owner)
    if (claim) return { cidr: `127.${octet}.0.0/16`, release: () => claim.close() }
  }
  return undefined
}

/** Who has claimed a block: the state directory of that daemon; undefined when nobody has, or nobody answers. */
export async function findBlockOwner(cidr: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    let owner = ''
    const socket = connect(claimName(secondOctetOf(cidr)))
    const end = () => {
      socket.destroy()
      resolve(owner === '' ? undefined : owner)
    }
    socket.setTimeout(answerTimeoutMs, end)
    socket.setEncoding('utf8').on('data', (text: string) => (owner += text))
    socket.on('end', end)
    socket.on('error', end)
  })
}

function secondOctetOf(cidr: string): number {
  return Number(cidr.split('.')[1])
}

function claimName(octet: number): string {
  return `\0kiln-public-127.${octet}`
}

async function tryClaim(octet: number, owner: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(owner)
  })
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(claimName(octet), () => {
      server.unref()
      resolve(server)
    })
  })
}
