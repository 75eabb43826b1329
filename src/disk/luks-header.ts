import { createCipheriv, hash, pbkdf2Sync } from 'node:crypto'
import type { Random } from '../host/random.ts'

/** "LUKS On-Disk Format Specification, Version 1.2.3": all numbers are big-endian. */
const magic = 'LUKS\xba\xbe'
const slotOffset = 208
const slotBytes = 48
const slotCount = 8
const slotEnabled = 0x00ac71f3
const slotDisabled = 0x0000dead
const digestBytes = 20
const saltBytes = 32
/** AES-256 in XTS mode has two keys of 256 bits. */
const keyBytes = 64
/** As many as QEMU insists on. */
const stripes = 4000
const sectorBytes = 512
const hashBytes = 32
/** Key material begins on a boundary of 4 KiB. */
const alignmentSectors = 8
/** The secret has 256 random bits: nothing is won by making it slow to try. The least that QEMU takes. */
const iterations = 1000

const materialBytes = stripes * keyBytes
const slotSectors = Math.ceil(materialBytes / sectorBytes / alignmentSectors) * alignmentSectors
const payloadSector = alignmentSectors + slotCount * slotSectors

/** The length of the whole header, most of which is room for key slots that are never used. */
export const luksHeaderBytes = payloadSector * sectorBytes

/**
 * A LUKS1 header with a new master key (AES-256, xts-plain64) in its first slot, which `secret` opens; without the zeros that fill it up to
 * `luksHeaderBytes`. The same that `qemu-img create -o encrypt.format=luks` writes after half a second in which it measures how fast the
 * host can hash, whatever it is asked for.
 */
export function luksHeader(secret: string, random: Random): Buffer {
  const masterKey = random.bytes(keyBytes)
  const digestSalt = random.bytes(saltBytes)
  const slotSalt = random.bytes(saltBytes)
  const header = Buffer.alloc(alignmentSectors * sectorBytes + materialBytes)
  header.write(magic, 0, 'latin1')
  header.writeUInt16BE(1, 6)
  header.write('aes', 8)
  header.write('xts-plain64', 40)
  header.write('sha256', 72)
  header.writeUInt32BE(payloadSector, 104)
  header.writeUInt32BE(keyBytes, 108)
  pbkdf2Sync(masterKey, digestSalt, iterations, digestBytes, 'sha256').copy(header, 112)
  digestSalt.copy(header, 132)
  header.writeUInt32BE(iterations, 164)
  header.write(random.uuid(), 168)
  for (let slot = 0; slot < slotCount; slot++) {
    const offset = slotOffset + slot * slotBytes
    header.writeUInt32BE(slot === 0 ? slotEnabled : slotDisabled, offset)
    header.writeUInt32BE(alignmentSectors + slot * slotSectors, offset + 40)
    header.writeUInt32BE(stripes, offset + 44)
  }
  header.writeUInt32BE(iterations, slotOffset + 4)
  slotSalt.copy(header, slotOffset + 8)
  const slotKey = pbkdf2Sync(secret, slotSalt, iterations, keyBytes, 'sha256')
  encryptSectors(slotKey, splitKey(masterKey, random)).copy(header, alignmentSectors * sectorBytes)
  return header
}

/** The anti-forensic splitter (section 2.4): all of the stripes are needed to get the key back. */
function splitKey(key: Buffer, random: Random): Buffer {
  const split = Buffer.alloc(materialBytes)
  const last = materialBytes - keyBytes
  random.bytes(last).copy(split)
  let mixed: Buffer = Buffer.alloc(keyBytes)
  for (let offset = 0; offset < last; offset += keyBytes) {
    xorInto(mixed, split.subarray(offset, offset + keyBytes))
    mixed = diffuse(mixed)
  }
  xorInto(mixed, key)
  mixed.copy(split, last)
  return split
}

/** Each block of the hash's length becomes the hash of its number and itself. */
function diffuse(block: Buffer): Buffer {
  const numbered = Buffer.alloc(4 + hashBytes)
  const diffused = Buffer.alloc(block.length)
  for (let index = 0; index * hashBytes < block.length; index++) {
    numbered.writeUInt32BE(index)
    block.copy(numbered, 4, index * hashBytes, (index + 1) * hashBytes)
    hash('sha256', numbered, 'buffer').copy(diffused, index * hashBytes)
  }
  return diffused
}

function xorInto(target: Buffer, other: Buffer): void {
  for (let index = 0; index < target.length; index++) target[index] = (target[index] ?? 0) ^ (other[index] ?? 0)
}

/** plain64: each sector's number, little-endian, is its tweak. */
function encryptSectors(key: Buffer, data: Buffer): Buffer {
  const encrypted = Buffer.alloc(data.length)
  const tweak = Buffer.alloc(16)
  for (let sector = 0; sector * sectorBytes < data.length; sector++) {
    tweak.writeBigUInt64LE(BigInt(sector))
    const cipher = createCipheriv('aes-256-xts', key, tweak)
    cipher.update(data.subarray(sector * sectorBytes, (sector + 1) * sectorBytes)).copy(encrypted, sector * sectorBytes)
  }
  return encrypted
}
