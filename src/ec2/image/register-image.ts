import { rootDeviceOf } from './root-device.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation } from '../operation.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireDeviceName } from '../volume/device-name.ts'
import { requireBootType } from '../volume/volume-type.ts'
import { readBootSettings } from './boot-settings.ts'
import { requireNewImage } from './new-image.ts'
import { readSnapshotDevice } from './snapshot-device.ts'

const operation = 'RegisterImage'

/** RegisterImage: an AMI of snapshots that are there. */
export function registerImage(domain: Domain): Ec2Mutation<'RegisterImage'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Name',
      'Description',
      'Architecture',
      'RootDeviceName',
      'BlockDeviceMappings',
      'VirtualizationType',
      'EnaSupport',
      'SriovNetSupport',
      'BootMode',
      'TpmSupport',
      'UefiData',
      'ImdsSupport',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { Name: name = '', Description: description } = input
      requireNewImage(domain, context, { name, description })
      const { RootDeviceName: rootDeviceName, Architecture: architecture = 'i386' } = input
      if (!rootDeviceName) throw missingParameter('RootDeviceName')
      if (architecture !== 'x86_64' && architecture !== 'i386' && architecture !== 'arm64') {
        throw invalidParameterValue('architecture', architecture, 'Expected x86_64, i386 or arm64.')
      }
      const bootSettings = readBootSettings(architecture, input)
      requireOneOf(operation, 'VirtualizationType', input.VirtualizationType, ['hvm'])
      requireOneOf(operation, 'SriovNetSupport', input.SriovNetSupport, ['simple'])
      const blockDevices = (input.BlockDeviceMappings ?? []).map((mapping) => {
        refuseOtherMembers(operation, 'BlockDeviceMapping', mapping, ['DeviceName', 'Ebs'])
        return readSnapshotDevice(domain, context, operation, requireDeviceName(mapping.DeviceName), mapping.Ebs)
      })
      const names = new Set(blockDevices.map(({ deviceName }) => deviceName))
      if (names.size < blockDevices.length) {
        throw new Ec2Error('InvalidBlockDeviceMapping', 'A device name is used twice in the block device mappings.')
      }
      const root = rootDeviceOf({ blockDevices, rootDeviceName })
      if (!root) {
        throw invalidParameterValue(
          'rootDeviceName',
          rootDeviceName.slice(0, 80),
          'No block device mapping has a snapshot for the root device.',
        )
      }
      requireBootType(root.volumeType)
      const tags = readTagSpecifications(input.TagSpecifications, ['image'])
      const id = newId('ami', domain.random)
      const { accountId, region } = context
      store.images.insert({
        accountId,
        region,
        id,
        name,
        ...(description ? { description } : {}),
        architecture,
        state: 'available',
        creationDate: context.now.toISOString(),
        imageLocation: `${accountId}/${name}`,
        ...withProductCodes(...blockDevices.map(({ snapshotId }) => store.snapshots.find(snapshotId)?.productCodes)),
        rootDeviceName,
        blockDevices,
        ...bootSettings,
        enaSupport: input.EnaSupport ?? false,
        ...(input.ImdsSupport ? { imdsSupport: 'v2.0' as const } : {}),
      })
      putTags(store, context, id, 'image', tags.get('image') ?? [])
      context.afterCommit(() => domain.descriptionRefresher.refreshImage(id))
      domain.events.publish({
        kind: 'image-state-change',
        resourceId: id,
        message: `${id} (${name}) is available`,
      })
      return { ImageId: id }
    },
  }
}
