import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { EndorsementKeys } from '../ec2/ports/machine.ts'

/**
 * The endorsement keys of a TPM 2.0: what TPM2_CreatePrimary makes of the endorsement seed by the templates of the TCG EK Credential
 * Profile 2.5, the same ones each time. Constants are those of the TPM 2.0 Library, part 2.
 */
const noSessions = 0x8001
const sessions = 0x8002
const createPrimary = 0x131
const flushContext = 0x165
const endorsementHierarchy = 0x4000000b
const passwordSession = 0x40000009
const answerTimeoutMs = 20_000

/** Template L-1: RSA 2048, SHA-256, AES-128. */
const rsaTemplate = Buffer.concat([
  hex('0001 000b 000300b2'),
  sized(hex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa')),
  hex('0006 0080 0043 0010 0800 00000000'),
  sized(Buffer.alloc(256)),
])
/** Template H-3: NIST P-384, SHA-384, AES-256. */
const eccTemplate = Buffer.concat([
  hex('0023 000c 000300f2'),
  sized(hex('b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12')),
  hex('0006 0100 0043 0010 0004 0010'),
  sized(Buffer.alloc(0)),
  sized(Buffer.alloc(0)),
])

/** Asks a TPM that serves TPM commands on a socket. */
export async function readEndorsementKeys(socketPath: string): Promise<EndorsementKeys> {
  const socket = createConnection(socketPath)
  socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error('the TPM does not answer')))
  try {
    await once(socket, 'connect')
    return {
      'rsa-2048': (await makeKey(socket, rsaTemplate)).toString('base64'),
      'ecc-sec-p384': (await makeKey(socket, eccTemplate)).toString('base64'),
    }
  } finally {
    socket.destroy()
  }
}

/** The key's TPMT_PUBLIC. */
async function makeKey(socket: Socket, template: Buffer): Promise<Buffer> {
  const session = Buffer.concat([u32(passwordSession), u16(0), Buffer.from([0]), u16(0)])
  const body = Buffer.concat([
    u32(endorsementHierarchy),
    u32(session.length),
    session,
    // No authorization value, no data.
    sized(Buffer.concat([u16(0), u16(0)])),
    sized(template),
    // No outside information, no PCRs.
    u16(0),
    u32(0),
  ])
  const answer = await command(socket, sessions, createPrimary, body)
  // Header, handle, size of the parameters.
  const publicStart = 10 + 4 + 4
  const handle = answer.subarray(10, 14)
  const key = answer.subarray(publicStart + 2, publicStart + 2 + answer.readUInt16BE(publicStart))
  await command(socket, noSessions, flushContext, handle)
  return key
}

async function command(socket: Socket, tag: number, code: number, body: Buffer): Promise<Buffer> {
  socket.write(Buffer.concat([u16(tag), u32(10 + body.length), u32(code), body]))
  let answer = Buffer.alloc(0)
  while (answer.length < 10 || answer.length < answer.readUInt32BE(2)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    answer = Buffer.concat([answer, chunk])
  }
  const outcome = answer.readUInt32BE(6)
  if (outcome !== 0) throw new Error(`the TPM answered 0x${outcome.toString(16)} to command 0x${code.toString(16)}`)
  return answer
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([u16(bytes.length), bytes])
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}
