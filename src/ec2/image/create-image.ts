import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, incorrectInstanceState, invalidParameterValue } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { findOne, newId } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { freezeSoon, planSnapshots } from '../snapshot/plan-snapshot.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import { requireDeviceName } from '../volume/device-name.ts'
import { choosePerformance, requireVolumeSize, requireVolumeType } from '../volume/volume-type.ts'
import { currentBootModeOf } from '../instance/boot-mode.ts'
import { readUefiData } from '../instance/uefi-data.ts'
import { type BootSettings, readBootSettings } from './boot-settings.ts'
import { findLoginUser } from './login-user.ts'
import type { ImageBlockDevice, ImageRecord } from './image.ts'
import { requireNewImage } from './new-image.ts'
import { readSnapshotDevice, requireHonouredEbs, requireOwnEncryption } from './snapshot-device.ts'

const operation = 'CreateImage'

/**
 * CreateImage: an AMI of an instance with all its volumes, `pending` until their snapshots are completed. A running instance is rebooted,
 * so that its disks are at rest in between, unless `NoReboot` says that they shall be taken as they are.
 */
export function createImage(domain: Domain): Ec2Mutation<'CreateImage', string | undefined> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'InstanceId',
      'Name',
      'Description',
      'NoReboot',
      'BlockDeviceMappings',
      'SnapshotLocation',
      'TagSpecifications',
      'BootModeOverride',
    ],
    // What the firmware of the instance keeps goes with its disks.
    prepare: async (context, input) => {
      const instance = store.instances.get(context, input.InstanceId ?? '')
      return instance && currentBootModeOf(instance) === 'uefi' ? await readUefiData(domain, instance) : undefined
    },
    apply: (context, input, uefiData) => {
      requireOneOf(operation, 'SnapshotLocation', input.SnapshotLocation, ['regional'])
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      if (instance.state !== 'running' && instance.state !== 'stopped') {
        throw incorrectInstanceState(instance.id, 'imaged')
      }
      const { Name: name = '', Description: description } = input
      requireNewImage(domain, context, { name, description })
      const tags = readTagSpecifications(input.TagSpecifications, ['image', 'snapshot'])
      const bootMode = input.BootModeOverride ?? instance.bootMode
      const bootSettings = readBootSettings(instance.architecture, {
        BootMode: bootMode,
        TpmSupport: instance.tpmSupport,
        UefiData: bootMode === 'legacy-bios' ? undefined : uefiData,
      })
      const devices = planDevices(domain, context, instance, input.BlockDeviceMappings ?? [])
      const imageId = newId('ami', domain.random)
      const taken = devices.flatMap(({ volume }) => (volume ? [{ volume, tags: tags.get('snapshot') ?? [] }] : []))
      const snapshots = planSnapshots(domain, context, taken, {
        description: `Created by CreateImage(${instance.id}) for ${imageId}`,
        imageId,
      })
      const image = describeImage(
        domain,
        context,
        instance,
        {
          id: imageId,
          name,
          // One whose root is a snapshot that is there already has nothing to wait for.
          state: snapshots.length > 0 ? 'pending' : 'available',
          ...(description ? { description } : {}),
          blockDevices: devices.map(({ volume, device }) => ({
            ...device,
            snapshotId: snapshots.find(({ volumeId }) => volumeId === volume?.id)?.id ?? device.snapshotId,
          })),
        },
        bootSettings,
      )
      store.images.insert(image)
      putTags(store, context, imageId, 'image', tags.get('image') ?? [])
      context.afterCommit(() => domain.descriptionRefresher.refreshImage(imageId))
      if (instance.state === 'running' && !input.NoReboot) {
        // The snapshots are taken between the two boots (drive-plugging.ts); nobody waits for that.
        store.instances.replace({ ...instance, request: { isReboot: true } })
        context.afterCommit(() => domain.instances.wake(instance.id))
      } else freezeSoon(domain, context, snapshots)
      return { ImageId: imageId }
    },
  }
}

function describeImage(
  { store }: Domain,
  { accountId, region, now }: MutationContext,
  instance: InstanceRecord,
  own: Pick<ImageRecord, 'id' | 'name' | 'state' | 'description' | 'blockDevices'>,
  bootSettings: BootSettings,
): ImageRecord {
  const source = store.images.find(instance.imageId)
  const loginUser = source && findLoginUser(store, source)
  return {
    accountId,
    region,
    ...own,
    architecture: instance.architecture,
    creationDate: now.toISOString(),
    imageLocation: `${accountId}/${own.name}`,
    ...withProductCodes(instance.productCodes),
    rootDeviceName: instance.rootDeviceName,
    ...bootSettings,
    enaSupport: true,
    ...(source?.imdsSupport ? { imdsSupport: source.imdsSupport } : {}),
    sourceInstanceId: instance.id,
    sourceImageId: instance.imageId,
    sourceImageRegion: region,
    ...(loginUser === undefined ? {} : { loginUser }),
  }
}

/** A device of the new image: of one of the instance's volumes, or of a snapshot that is there. */
interface PlannedDevice {
  readonly volume?: VolumeRecord
  readonly device: ImageBlockDevice
}

/** The instance's volumes with what the request changes, adds or leaves out (`NoDevice`), the root device first. */
function planDevices(
  domain: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  mappings: readonly BlockDeviceMapping[],
): PlannedDevice[] {
  const requests = new Map<string, BlockDeviceMapping>()
  for (const mapping of mappings) {
    const name = requireDeviceName(mapping.DeviceName)
    if (requests.has(name)) throw invalidParameterValue('deviceName', name, 'The device name is used twice.')
    refuseOtherMembers(operation, 'BlockDeviceMapping', mapping, ['DeviceName', 'Ebs', 'NoDevice'])
    requests.set(name, mapping)
  }
  const attached = domain.store.volumes.listBy('attachment.instanceId', instance.id)
  const devices: PlannedDevice[] = []
  for (const volume of attached) {
    if (!volume.attachment || volume.attachment.state === 'detaching') continue
    const { deviceName } = volume.attachment
    const request = requests.get(deviceName)
    requests.delete(deviceName)
    if (request?.NoDevice === undefined) devices.push(deviceOfVolume(volume, deviceName, request?.Ebs))
    else if (deviceName === instance.rootDeviceName) {
      throw invalidParameterValue('noDevice', deviceName, 'The root device cannot be left out.')
    }
  }
  for (const [name, request] of requests) {
    if (request.NoDevice !== undefined) continue
    devices.push({ device: readSnapshotDevice(domain, context, operation, name, request.Ebs) })
  }
  const isRoot = ({ device }: PlannedDevice) => device.deviceName === instance.rootDeviceName
  if (!devices.some(isRoot)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The instance ${instance.id} has no volume attached at its root device.`,
    )
  }
  return devices.sort((a, b) => Number(isRoot(b)) - Number(isRoot(a)))
}

function deviceOfVolume(volume: VolumeRecord, deviceName: string, ebs: BlockDeviceMapping['Ebs']): PlannedDevice {
  requireHonouredEbs(operation, ebs, [])
  requireOwnEncryption(operation, ebs, volume)
  const volumeType = requireVolumeType(ebs?.VolumeType ?? volume.volumeType)
  const volumeSizeGib = ebs?.VolumeSize ?? volume.sizeGib
  requireVolumeSize(volumeType, volumeSizeGib, { id: volume.id, volumeSizeGib: volume.sizeGib })
  return {
    volume,
    device: {
      deviceName,
      // Given when the snapshot is recorded.
      snapshotId: '',
      volumeSizeGib,
      volumeType,
      ...choosePerformance(volumeType, volumeSizeGib, ebs ?? {}, volume),
      deleteOnTermination: ebs?.DeleteOnTermination ?? volume.attachment?.deleteOnTermination ?? true,
    },
  }
}
