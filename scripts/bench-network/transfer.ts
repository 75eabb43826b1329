import { connect, type Socket } from 'node:net'

/** For a server that does not listen yet. */
const pauseMs = 300
const mebibyte = 1024 ** 2
const pieceBytes = 64 * 1024

/** MiB a second that come from a server that sends so much and hangs up; asks again until it does. */
export async function receiveFrom(host: string, port: number, mib: number): Promise<number> {
  return await mibPerSecond(mib, async () => (await receive(connect({ host, port }))) >= mib * mebibyte)
}

/** MiB a second that go to a server that hangs up once it has all; asks again until it does. */
export async function sendTo(host: string, port: number, mib: number): Promise<number> {
  return await mibPerSecond(mib, async () => await send(connect({ host, port }), mib * mebibyte))
}

/** Milliseconds from the call to the server's first word; asks again until there is one. */
export async function greet(host: string, port: number): Promise<number> {
  return await measure(async () => (await receive(connect({ host, port }), 1)) > 0)
}

async function mibPerSecond(mib: number, isDone: () => Promise<boolean>): Promise<number> {
  return mib / ((await measure(isDone)) / 1000)
}

/** Milliseconds of the first try that comes to an end. */
async function measure(isDone: () => Promise<boolean>): Promise<number> {
  for (;;) {
    const began = performance.now()
    if (await isDone()) return performance.now() - began
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Bytes until the end, or until there are enough. */
async function receive(socket: Socket, enough = Number.POSITIVE_INFINITY): Promise<number> {
  return await new Promise((resolve) => {
    let count = 0
    socket.on('data', (data) => {
      count += data.length
      if (count >= enough) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(count))
  })
}

/** Whether the server hung up, and not before it had all. */
async function send(socket: Socket, bytes: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const piece = Buffer.alloc(pieceBytes)
    let left = bytes
    let isAnswered = false
    const write = () => {
      while (left > 0) {
        left -= pieceBytes
        if (!socket.write(piece)) return void socket.once('drain', write)
      }
      socket.end()
    }
    socket.once('connect', write)
    socket.on('error', () => undefined)
    socket.on('end', () => (isAnswered = left <= 0))
    socket.on('close', () => resolve(isAnswered))
    socket.resume()
  })
}
