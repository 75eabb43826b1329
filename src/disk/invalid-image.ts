import { Ec2Error } from '../ec2/errors.ts'

/** `Why` completes "The disk image cannot be imported: …". */
export function invalid(why: string): Ec2Error {
  return new Ec2Error('InvalidDiskImage', `The disk image cannot be imported: ${why}`)
}

/** Throws for an image larger than this daemon takes. */
export function refuseTooLarge(virtualSizeBytes: bigint | number, maximumVirtualBytes: number): void {
  if (virtualSizeBytes <= maximumVirtualBytes) return
  throw invalid(
    `it claims ${virtualSizeBytes} bytes; at most ${maximumVirtualBytes} are allowed (images.maximumVirtualGib)`,
  )
}
