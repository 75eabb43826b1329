import type { UefiVariable } from '../ec2/ports/machine-spec.ts'

/**
 * The flash in which OVMF and AAVMF keep their variables: a firmware volume (UEFI Platform Initialization, volume 3) whose first block
 * holds a store of authenticated variables (edk2, MdeModulePkg/Include/Guid/VariableFormat.h).
 */
const volumeGuid = Buffer.from('8d2bf1ff96768b4ca9852747075b4f50', 'hex')
const storeGuid = Buffer.from('782cf3aa7b949a43a1802e144ec37792', 'hex')
/** Formatted, healthy. */
const storeStatus = Buffer.from('5afe000000000000', 'hex')
const storeHeaderBytes = 28
const variableHeaderBytes = 60
const variableMark = 0x55aa
/** The state of a variable that is there and has not been replaced. */
const settled = 0x3f
const emptyTime = '0'.repeat(32)
/** AAVMF comes with an empty flash and formats it in three blocks: variables, and twice what makes their writing fail-safe. */
const emptyVolume = { blocks: 3, blockBytes: 0x40000, attributes: 0x4feff }

/** The variables of a store; none when the firmware has never written there. */
export function readUefiStore(flash: Buffer): UefiVariable[] {
  const end = findStoreEnd(flash)
  if (end === undefined) return []
  const variables: UefiVariable[] = []
  let position = firstVariable(flash)
  while (position + variableHeaderBytes <= end && flash.readUInt16LE(position) === variableMark) {
    const nameBytes = flash.readUInt32LE(position + 36)
    const dataBytes = flash.readUInt32LE(position + 40)
    const nameStart = position + variableHeaderBytes
    const dataStart = nameStart + nameBytes
    if (dataStart + dataBytes > end) break
    const timestamp = flash.toString('hex', position + 16, position + 32)
    const name = flash.toString('utf16le', nameStart, dataStart).replace(/\0+$/, '')
    // The firmware's own list of who signed what; EC2 tells it with each variable.
    if (flash[position + 2] === settled && name !== 'certdb') {
      variables.push({
        name,
        vendor: flash.toString('hex', position + 44, nameStart),
        attributes: flash.readUInt32LE(position + 4),
        data: flash.toString('base64', dataStart, dataStart + dataBytes),
        ...(timestamp === emptyTime ? {} : { timestamp }),
      })
    }
    position = align(dataStart + dataBytes)
  }
  return variables
}

/** The flash of a new machine with these variables. Throws when they do not fit. */
export function writeUefiStore(template: Buffer, variables: readonly UefiVariable[]): Buffer {
  const flash = Buffer.from(template)
  if (findStoreEnd(flash) === undefined) formatVolume(flash)
  const end = findStoreEnd(flash) ?? 0
  let position = firstVariable(flash)
  flash.fill(0xff, position, end)
  for (const { name, vendor, attributes, data, timestamp = emptyTime } of variables) {
    const nameBytes = Buffer.from(`${name}\0`, 'utf16le')
    const dataBytes = Buffer.from(data, 'base64')
    const header = Buffer.alloc(variableHeaderBytes)
    header.writeUInt16LE(variableMark, 0)
    header.writeUInt8(settled, 2)
    header.writeUInt32LE(attributes, 4)
    header.write(timestamp, 16, 'hex')
    header.writeUInt32LE(nameBytes.length, 36)
    header.writeUInt32LE(dataBytes.length, 40)
    header.write(vendor, 44, 'hex')
    const variable = Buffer.concat([header, nameBytes, dataBytes])
    if (position + variable.length > end) throw new Error('the UEFI variables do not fit into the firmware’s store')
    variable.copy(flash, position)
    position = align(position + variable.length)
  }
  return flash
}

function firstVariable(flash: Buffer): number {
  return align(flash.readUInt16LE(48) + storeHeaderBytes)
}

/** Undefined when there is no store of a kind that is known. */
function findStoreEnd(flash: Buffer): number | undefined {
  if (flash.length < 128 || !flash.subarray(16, 32).equals(volumeGuid)) return undefined
  const start = flash.readUInt16LE(48)
  if (start + storeHeaderBytes > flash.length || !flash.subarray(start, start + 16).equals(storeGuid)) return undefined
  return Math.min(flash.length, start + flash.readUInt32LE(start + 16))
}

function formatVolume(flash: Buffer): void {
  const { blocks, blockBytes, attributes } = emptyVolume
  const headerBytes = 72
  flash.fill(0xff, 0, blocks * blockBytes)
  const header = Buffer.alloc(headerBytes)
  volumeGuid.copy(header, 16)
  header.writeBigUInt64LE(BigInt(blocks * blockBytes), 32)
  header.write('_FVH', 40, 'latin1')
  header.writeUInt32LE(attributes, 44)
  header.writeUInt16LE(headerBytes, 48)
  header.writeUInt8(2, 55)
  header.writeUInt32LE(blocks, 56)
  header.writeUInt32LE(blockBytes, 60)
  let sum = 0
  for (let index = 0; index < headerBytes; index += 2) sum += header.readUInt16LE(index)
  header.writeUInt16LE((0x10000 - (sum & 0xffff)) & 0xffff, 50)
  header.copy(flash, 0)
  storeGuid.copy(flash, headerBytes)
  flash.writeUInt32LE(blockBytes - headerBytes, headerBytes + 16)
  storeStatus.copy(flash, headerBytes + 20)
}

function align(position: number): number {
  return (position + 3) & ~3
}
