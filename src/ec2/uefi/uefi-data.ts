import { deflateSync, inflateSync } from 'node:zlib'
import type { UefiVariable } from '../ports/machine-spec.ts'
import { uefiDictionary } from './uefi-dictionary.ts'

/** EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS */
const timeBasedAuthentication = 0x20
/**
 * EC2's `UefiData`, version 0, as python-uefivars writes and reads it: `AMZNUEFI`, a CRC-32C of the rest, the version, then the variables
 * deflated with a preset dictionary; all in base64, little-endian.
 */
const magic = Buffer.from('AMZNUEFI')
/** More than any firmware's store holds. */
const maximumBytes = 1024 * 1024
/** Of authenticated variables: what the signer is known by. Kiln's firmware has no Secure Boot, so there is none. */
const noDigest = Buffer.alloc(32)

export function encodeUefiData(variables: readonly UefiVariable[]): string {
  const parts: Buffer[] = [u64(variables.length)]
  for (const { name, vendor, attributes, data, timestamp } of variables) {
    parts.push(
      sized(Buffer.from(name)),
      sized(Buffer.from(data, 'base64')),
      Buffer.from(vendor, 'hex'),
      u32(attributes),
    )
    if ((attributes & timeBasedAuthentication) === 0) continue
    parts.push(timestamp === undefined ? Buffer.alloc(16) : Buffer.from(timestamp, 'hex'), sized(noDigest))
  }
  const version = u32(0)
  const body = deflateSync(Buffer.concat(parts), { level: 9, dictionary: uefiDictionary() })
  return Buffer.concat([magic, u32(crc32c(Buffer.concat([version, body]))), version, body]).toString('base64')
}

/** Throws an Error that says what is wrong with the text. */
export function decodeUefiData(text: string): UefiVariable[] {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < 16 || !bytes.subarray(0, 8).equals(magic)) throw new Error('it does not begin with AMZNUEFI')
  if (crc32c(bytes.subarray(12)) !== bytes.readUInt32LE(8)) throw new Error('its checksum does not match')
  if (bytes.readUInt32LE(12) !== 0) throw new Error('its version is not 0')
  const content = inflate(bytes.subarray(16))
  let position = 0
  const take = (length: number): Buffer => {
    if (length > content.length - position) throw new Error('it ends too early')
    position += length
    return content.subarray(position - length, position)
  }
  const takeSized = (): Buffer => take(Number(take(8).readBigUInt64LE()))
  const count = Number(take(8).readBigUInt64LE())
  const variables: UefiVariable[] = []
  while (variables.length < count) {
    const name = takeSized().toString('utf8')
    const data = takeSized().toString('base64')
    const vendor = take(16).toString('hex')
    const attributes = take(4).readUInt32LE()
    if ((attributes & timeBasedAuthentication) === 0) {
      variables.push({ name, vendor, attributes, data })
      continue
    }
    const timestamp = take(16).toString('hex')
    takeSized()
    variables.push({ name, vendor, attributes, data, timestamp })
  }
  return variables
}

/** Whether a text is such data. */
export function isUefiData(text: string): boolean {
  try {
    decodeUefiData(text)
    return true
  } catch {
    return false
  }
}

function inflate(bytes: Buffer): Buffer {
  try {
    return inflateSync(bytes, { dictionary: uefiDictionary(), maxOutputLength: maximumBytes })
  } catch {
    throw new Error('its variables cannot be unpacked')
  }
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([u64(bytes.length), bytes])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** RFC 3720, B.4. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
