import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { createSocksServer } from '../../../src/cli/socks/socks-server.ts'
import { createUdpOpener } from '../../../src/network/public-udp-port.ts'
import { createUdpSessions } from '../../../src/network/udp-sessions.ts'

// Run in a network namespace of its own, where it may forge packets: what public UDP ports and the SOCKS proxy make of datagrams that come from
// port 0, and of honest ones after them. Prints JSON.

const port = 5353
const publicIp = '127.0.0.2'
const privateIp = '127.0.0.3'

async function bind(address: string, at = 0): Promise<Socket> {
  const socket = createSocket('udp4').bind(at, address)
  await once(socket, 'listening')
  return socket
}

/** A program may not bind port 0: who wants to send from there writes the header himself. */
async function sendFromPortZero(target: string, at: number, data: Buffer): Promise<void> {
  const script = `import socket, struct, sys
data = bytes.fromhex(sys.argv[3])
packet = struct.pack(">HHHH", 0, int(sys.argv[2]), 8 + len(data), 0) + data
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).sendto(packet, (sys.argv[1], 0))`
  const forger = spawn('python3', ['-c', script, target, String(at), data.toString('hex')], { stdio: 'inherit' })
  const [code] = (await once(forger, 'exit')) as [number]
  if (code !== 0) throw new Error('nothing was sent')
}

/** What a port hears at all: otherwise this would show nothing. */
async function hearsPortZero(): Promise<number> {
  const witness = await bind('127.0.0.9')
  const heard = once(witness, 'message') as Promise<[Buffer, { port: number }]>
  await sendFromPortZero('127.0.0.9', witness.address().port, Buffer.from('forged'))
  const [, { port: from }] = await heard
  witness.close()
  return from
}

async function tryPublicPort(): Promise<{ heard: string[]; answer: string }> {
  const heard: string[] = []
  const guest = await bind(privateIp, port)
  guest.on('message', (data, from) => {
    heard.push(data.toString())
    guest.send(`answer to ${data.toString()}`, from.port, from.address)
  })
  const clock = { now: () => new Date(), monotonicMs: () => performance.now() }
  const open = createUdpOpener({
    bindUdp: async () => await bind('127.0.0.4'),
    sessions: createUdpSessions(clock as Parameters<typeof createUdpSessions>[0]),
  })
  const offered = await open('vpc-1', { publicIp, privateIp, port, protocol: 'udp' }, port)
  await sendFromPortZero(publicIp, port, Buffer.from('forged'))
  const client = await bind('127.0.0.1')
  client.send('honest', port, publicIp)
  const [answer] = (await once(client, 'message')) as [Buffer]
  offered.end()
  for (const socket of [client, guest]) socket.close()
  return { heard, answer: answer.toString() }
}

async function tryProxy(): Promise<string> {
  // Gives back what it is given.
  const stream = new PassThrough()
  const dialer = {
    connect: async () => await Promise.reject(new Error('not asked for')),
    openDatagrams: async () => await Promise.resolve(stream),
  }
  const proxy = createSocksServer(dialer, () => undefined).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const control = connect((proxy.address() as AddressInfo).port, '127.0.0.1')
  control.write(Buffer.from([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0]))
  let reply = Buffer.alloc(0)
  while (reply.length < 12) reply = Buffer.concat([reply, ((await once(control, 'data')) as [Buffer])[0]])
  const relayPort = reply.readUInt16BE(10)
  const request = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 1, 172, 31, 0, 5, 0, 53]), Buffer.from(text)])
  await sendFromPortZero('127.0.0.1', relayPort, request('forged'))
  const client = await bind('127.0.0.1')
  client.send(request('honest'), relayPort, '127.0.0.1')
  // What comes back goes to whoever sent first.
  const [answer] = (await once(client, 'message')) as [Buffer]
  control.destroy()
  client.close()
  proxy.close()
  return answer.subarray(10).toString()
}

const from = await hearsPortZero()
process.stdout.write(JSON.stringify({ from, publicPort: await tryPublicPort(), proxy: await tryProxy() }))
process.exit()
