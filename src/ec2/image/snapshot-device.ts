import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import type { Encryption } from '../encryption/encryption.ts'
import { missingParameter, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import type { Scope } from '../ports/store.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { findOwnSnapshot } from '../snapshot/visible-snapshot.ts'
import { choosePerformance, requireVolumeSize, requireVolumeType } from '../volume/volume-type.ts'
import type { ImageBlockDevice } from './image.ts'

type EbsRequest = BlockDeviceMapping['Ebs']

const path = 'BlockDeviceMapping.Ebs'

/** A device of a new image as a request maps it onto one of the caller's snapshots. Throws for what that snapshot cannot be. */
export function readSnapshotDevice(
  domain: Pick<Domain, 'store'>,
  scope: Scope,
  operation: string,
  deviceName: string,
  ebs: EbsRequest,
): ImageBlockDevice {
  if (!ebs) throw missingParameter('BlockDeviceMapping.Ebs')
  requireHonouredEbs(operation, ebs, ['SnapshotId'])
  if (!ebs.SnapshotId) throw unsupportedOperation('An AMI of Kiln has a snapshot for each of its devices.')
  const snapshot = requireCompleted(findOwnSnapshot(domain, scope, ebs.SnapshotId))
  requireOwnEncryption(operation, ebs, snapshot)
  const volumeType = requireVolumeType(ebs.VolumeType ?? 'gp3')
  const volumeSizeGib = ebs.VolumeSize ?? snapshot.volumeSizeGib
  requireVolumeSize(volumeType, volumeSizeGib, snapshot)
  return {
    deviceName,
    snapshotId: snapshot.id,
    volumeSizeGib,
    volumeType,
    ...choosePerformance(volumeType, volumeSizeGib, ebs),
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
  }
}

/** Refuses what no device of an image of Kiln can be. */
export function requireHonouredEbs(
  operation: string,
  ebs: EbsRequest,
  more: readonly (keyof NonNullable<EbsRequest>)[],
): void {
  refuseOtherMembers(operation, path, ebs, [
    'DeleteOnTermination',
    'VolumeSize',
    'VolumeType',
    'Iops',
    'Throughput',
    'Encrypted',
    ...more,
  ])
}

/** A device of an image is encrypted when its snapshot is: nothing is encrypted on the way. Copy the image to encrypt it. */
export function requireOwnEncryption(operation: string, ebs: EbsRequest, { encryptionKeyId }: Encryption): void {
  requireOneOf(operation, `${path}.Encrypted`, ebs?.Encrypted, [encryptionKeyId !== undefined])
}
