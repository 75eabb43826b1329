import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { chooseKmsKey } from '../encryption/choose-encryption.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers } from '../honoured.ts'
import type { ImageRecord } from '../image/image.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Scope } from '../ports/store.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { findVisibleSnapshot } from '../snapshot/visible-snapshot.ts'
import { requireDeviceName } from '../volume/device-name.ts'
import {
  choosePerformance,
  requireBootType,
  requireVolumeSize,
  requireVolumeType,
  type VolumePerformance,
} from '../volume/volume-type.ts'

/** A volume that a launch makes. */
export interface PlannedVolume extends VolumePerformance {
  readonly deviceName: string
  readonly snapshotId?: string
  readonly layerId?: string
  readonly sizeGib: number
  readonly volumeType: string
  readonly productCodes?: readonly string[]
  readonly deleteOnTermination: boolean
  /** It is to be encrypted under this key. */
  readonly kmsKeyId?: string
}

type EbsRequest = NonNullable<BlockDeviceMapping['Ebs']>

const operation = 'RunInstances'
/** Volumes that a machine has room for at its launch. */
export const maximumVolumes = 12

/** The AMI's devices with what the request changes, adds or leaves out (`NoDevice`), the root device first. */
export function planVolumes(
  domain: Domain,
  scope: Scope,
  image: ImageRecord,
  mappings: readonly BlockDeviceMapping[],
): PlannedVolume[] {
  const requests = readMappings(mappings)
  const volumes: PlannedVolume[] = []
  for (const device of image.blockDevices) {
    const request = requests.get(device.deviceName)
    requests.delete(device.deviceName)
    if (request?.NoDevice === undefined) {
      const volume = planVolume(domain, scope, device.deviceName, request?.Ebs ?? {}, device)
      if (device.deviceName === image.rootDeviceName) requireBootType(volume.volumeType)
      volumes.push(volume)
    } else if (device.deviceName === image.rootDeviceName) {
      throw invalidParameterValue('noDevice', device.deviceName, 'The root device cannot be left out.')
    }
  }
  for (const [name, request] of requests) {
    if (request.NoDevice !== undefined) continue
    if (!request.Ebs) throw missingParameter('BlockDeviceMapping.Ebs')
    volumes.push(planVolume(domain, scope, name, request.Ebs))
  }
  if (volumes.length > maximumVolumes) {
    throw new Ec2Error('AttachmentLimitExceeded', `An instance can have at most ${maximumVolumes} volumes at launch.`)
  }
  return volumes.sort(
    (a, b) => Number(b.deviceName === image.rootDeviceName) - Number(a.deviceName === image.rootDeviceName),
  )
}

function readMappings(mappings: readonly BlockDeviceMapping[]): Map<string, BlockDeviceMapping> {
  const requests = new Map<string, BlockDeviceMapping>()
  for (const mapping of mappings) {
    const name = requireDeviceName(mapping.DeviceName)
    if (requests.has(name)) throw invalidParameterValue('deviceName', name, 'The device name is used twice.')
    if (mapping.VirtualName) throw unsupportedOperation('Instance store volumes are not supported by Kiln.')
    requests.set(name, mapping)
  }
  return requests
}

function planVolume(
  domain: Domain,
  scope: Scope,
  deviceName: string,
  ebs: EbsRequest,
  device?: ImageRecord['blockDevices'][number],
): PlannedVolume {
  const { store } = domain
  const volumeType = requireVolumeType(ebs.VolumeType ?? device?.volumeType ?? 'gp3')
  requireHonoured(ebs)
  // What an image maps comes with the image, whoever may use the snapshot besides.
  const named =
    ebs.SnapshotId === undefined
      ? device && store.snapshots.find(device.snapshotId)
      : findVisibleSnapshot(store, scope, ebs.SnapshotId)
  const snapshot = named && requireCompleted(named)
  const sizeGib = ebs.VolumeSize ?? device?.volumeSizeGib ?? snapshot?.volumeSizeGib
  if (sizeGib === undefined) throw missingParameter('BlockDeviceMapping.Ebs.VolumeSize')
  requireVolumeSize(volumeType, sizeGib, snapshot)
  const kmsKeyId = chooseKmsKey(domain, scope, ebs, snapshot)
  return {
    deviceName,
    ...(snapshot ? { snapshotId: snapshot.id, layerId: snapshot.layerId } : {}),
    sizeGib,
    volumeType,
    ...choosePerformance(volumeType, sizeGib, ebs, device),
    ...withProductCodes(snapshot?.productCodes),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    deleteOnTermination: ebs.DeleteOnTermination ?? device?.deleteOnTermination ?? true,
  }
}

const path = 'BlockDeviceMapping.Ebs'

function requireHonoured(ebs: EbsRequest): void {
  refuseOtherMembers(operation, path, ebs, [
    'DeleteOnTermination',
    'SnapshotId',
    'VolumeSize',
    'VolumeType',
    'Iops',
    'Throughput',
    'Encrypted',
    'KmsKeyId',
  ])
}
