import type { Domain } from '../domain.ts'
import { type Ec2Error, unsupportedOperation } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import { rootSnapshotOf } from '../image/root-device.ts'
import { findOwnImage, requireAvailableImage } from '../image/visible-image.ts'
import { defaultTypeFor } from '../instance-type/default-type.ts'
import { chooseBootMode } from '../instance/boot-mode.ts'
import { chooseType } from '../instance/launch-plan.ts'
import type { CallContext } from '../operation.ts'

/**
 * The caller's image of an id, of which there can be warm templates. Throws EC2's errors for one that is not there, not the caller's, or
 * launches nothing, and UnsupportedOperation, which says why, for one that cannot be a template.
 */
export function findWarmableImage(domain: Domain, context: CallContext, id: string | undefined): ImageRecord {
  const image = findOwnImage(domain, context, id)
  requireAvailableImage(image)
  const obstacle = findObstacle(domain, image)
  if (obstacle !== undefined) throw refuse(image, obstacle)
  return image
}

/** Why there can be no warm template of an image, whatever it runs on. */
function findObstacle({ store }: Domain, image: ImageRecord): string | undefined {
  if (image.architecture === 'arm64') {
    return 'it is of architecture arm64, whose machines boot by UEFI: a template would not have what is in its flash'
  }
  if (image.tpmSupport) return 'it asks for a TPM, whose secrets no two servers may share'
  if (image.bootMode === 'uefi') return 'it boots by UEFI: a template would not have what is in its flash'
  if (rootSnapshotOf(store, image)?.encryptionKeyId !== undefined) {
    return 'its root volume is encrypted: a template would hold in plain text what its guest has read from it'
  }
  return undefined
}

/**
 * The names of the types that templates are to be made for; the one that `kiln run` takes when none is named. Throws EC2's errors for a type
 * that is not there or does not run the image, and UnsupportedOperation for one whose machines boot the image by UEFI.
 */
export function chooseWarmTypes(domain: Domain, image: ImageRecord, names: readonly string[]): string[] {
  const wanted = names.length > 0 ? names : [defaultTypeFor(image.architecture)]
  for (const name of wanted) {
    if (chooseBootMode(image, chooseType(domain, image, name)) === 'legacy-bios') continue
    const why = 'a template would not have what is in its flash'
    throw refuse(image, `it boots by UEFI where there is one, as on ${name}: ${why}; name types without UEFI`)
  }
  return [...new Set(wanted)]
}

function refuse({ id }: ImageRecord, why: string): Ec2Error {
  return unsupportedOperation(`Fast Launch cannot be enabled for the image ${id}: ${why}.`)
}
