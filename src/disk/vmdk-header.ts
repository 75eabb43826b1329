import { invalid } from './invalid-image.ts'

const sectorBytes = 512
/** QEMU's vmdk.c looks for the parent here, whatever the header says, and reads this much. */
const descriptorOffset = sectorBytes
const descriptorBytes = 20 * sectorBytes

/**
 * Refuses a VMDK that would lead QEMU to another file (VMware's "Virtual Disk Format 5.0", QEMU's block/vmdk.c). QEMU parses the embedded
 * descriptor loosely, taking the first `createType` it finds, so anything out of the ordinary is refused: a capacity of 0 makes QEMU
 * treat the descriptor as one that names foreign extents, a descriptor elsewhere can differ from the one checked here.
 */
export function refuseHostileVmdk(head: Buffer): void {
  const capacitySectors = head.readBigUInt64LE(12)
  const offset = head.readBigUInt64LE(28) * BigInt(sectorBytes)
  if (offset === 0n) throw invalid('it is a VMDK extent without its descriptor')
  if (capacitySectors === 0n || offset !== BigInt(descriptorOffset)) {
    throw invalid('its VMDK header is unusual; convert it with `qemu-img convert` first')
  }
  const descriptor = head.toString('latin1', descriptorOffset, descriptorOffset + descriptorBytes)
  const kinds = [...descriptor.matchAll(/createType="([^"]*)"/g)]
  const kind = kinds.length === descriptor.split('createType').length - 1 ? kinds[0]?.[1] : undefined
  if (kinds.length !== 1 || (kind !== 'monolithicSparse' && kind !== 'streamOptimized')) {
    throw invalid(
      `it is a VMDK of type ${JSON.stringify(kind ?? 'unknown')}; monolithicSparse and streamOptimized are one file and can be imported`,
    )
  }
  if (descriptor.includes('parentFileNameHint')) throw invalid('it stands on a parent VMDK; consolidate it first')
  const extents = descriptor.match(/^[ \t]*(RW|RDONLY|NOACCESS)[ \t].*$/gm) ?? []
  if (extents.length !== 1 || !/^\s*\w+\s+\d+\s+SPARSE\s/.test(extents[0] ?? '')) {
    throw invalid('its VMDK descriptor names other extents than the file itself')
  }
}
