import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import type { Scope } from '../ports/store.ts'

/** A volume that a launch makes. */
export interface PlannedVolume {
  readonly deviceName: string
  readonly snapshotId?: string
  readonly layerId?: string
  readonly sizeGib: number
  readonly volumeType: string
  readonly iops?: number
  readonly throughputMibps?: number
  readonly deleteOnTermination: boolean
}

const maximumVolumes = 12
const maximumSizeGib = 16_384
const volumeTypes: ReadonlySet<string> = new Set(['gp2', 'gp3', 'standard', 'io1', 'io2', 'st1', 'sc1'])
const devicePattern = /^(\/dev\/)?(sd[a-z]\d{0,2}|xvd[a-z]{1,2}|vd[a-z])$/
const ebsParameters: ReadonlySet<string> = new Set([
  'DeleteOnTermination',
  'SnapshotId',
  'VolumeSize',
  'VolumeType',
  'Encrypted',
])

/** The AMI's devices with what the request changes, adds or leaves out (`NoDevice`), the root device first. */
export function planVolumes(
  domain: Domain,
  scope: Scope,
  image: ImageRecord,
  mappings: readonly BlockDeviceMapping[],
): PlannedVolume[] {
  const requests = new Map<string, BlockDeviceMapping>()
  for (const mapping of mappings) {
    const name = mapping.DeviceName
    if (!name) throw missingParameter('BlockDeviceMapping.DeviceName')
    if (!devicePattern.test(name)) throw invalidParameterValue('deviceName', name.slice(0, 80), 'Invalid device name.')
    if (requests.has(name)) throw invalidParameterValue('deviceName', name, 'The device name is used twice.')
    if (mapping.VirtualName) throw unsupportedOperation('Instance store volumes are not supported by Kiln.')
    requests.set(name, mapping)
  }
  const volumes: PlannedVolume[] = []
  for (const device of image.blockDevices) {
    const request = requests.get(device.deviceName)
    requests.delete(device.deviceName)
    if (request?.NoDevice !== undefined) {
      if (device.deviceName === image.rootDeviceName) {
        throw invalidParameterValue('noDevice', device.deviceName, 'The root device cannot be left out.')
      }
      continue
    }
    volumes.push(planVolume(domain, scope, device.deviceName, request?.Ebs, device))
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

function planVolume(
  { store }: Domain,
  scope: Scope,
  deviceName: string,
  ebs: BlockDeviceMapping['Ebs'],
  device?: ImageRecord['blockDevices'][number],
): PlannedVolume {
  for (const [name, value] of Object.entries(ebs ?? {})) {
    if (value !== undefined && !ebsParameters.has(name)) {
      throw unsupportedOperation(
        `The parameter BlockDeviceMapping.Ebs.${name} of RunInstances is not supported by Kiln yet.`,
      )
    }
  }
  if (ebs?.Encrypted) throw unsupportedOperation('Encrypted volumes are not supported by Kiln yet.')
  const volumeType = ebs?.VolumeType ?? device?.volumeType ?? 'gp3'
  if (!volumeTypes.has(volumeType)) throw invalidParameterValue('volumeType', volumeType, 'Unknown volume type.')
  if (volumeType === 'io1' || volumeType === 'io2') {
    throw unsupportedOperation(`Volumes of type ${volumeType} are not supported by Kiln yet.`)
  }
  const snapshotId = ebs?.SnapshotId ?? device?.snapshotId
  const snapshot =
    snapshotId === undefined ? undefined : findOne('snap', snapshotId, (id) => store.snapshots.get(scope, id))
  const smallest = snapshot?.volumeSizeGib ?? 1
  const sizeGib = ebs?.VolumeSize ?? device?.volumeSizeGib ?? snapshot?.volumeSizeGib
  if (sizeGib === undefined) throw missingParameter('BlockDeviceMapping.Ebs.VolumeSize')
  if (sizeGib < smallest) {
    throw new Ec2Error(
      'InvalidBlockDeviceMapping',
      `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshotId}', expect size >= ${smallest}GB`,
    )
  }
  if (sizeGib > maximumSizeGib) throw invalidParameterValue('volumeSize', sizeGib, `At most ${maximumSizeGib} GiB.`)
  return {
    deviceName,
    ...(snapshot ? { snapshotId: snapshot.id, layerId: snapshot.layerId } : {}),
    sizeGib,
    volumeType,
    // gp3's baseline ("Amazon EBS volume types").
    ...(volumeType === 'gp3' ? { iops: 3000, throughputMibps: 125 } : {}),
    deleteOnTermination: ebs?.DeleteOnTermination ?? device?.deleteOnTermination ?? true,
  }
}
