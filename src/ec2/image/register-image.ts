import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import type { ImageBlockDevice } from './image.ts'

/** EC2's rule for AMI names ("RegisterImage"). */
const namePattern = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/

/** Checks the name of a new image. Throws InvalidAMIName.Malformed or InvalidAMIName.Duplicate. */
export function requireFreeImageName(
  domain: Pick<Domain, 'store'>,
  context: { accountId: string; region: string },
  name: string,
): void {
  if (!namePattern.test(name)) {
    throw new Ec2Error(
      'InvalidAMIName.Malformed',
      `AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'`,
    )
  }
  if (domain.store.images.list(context).some((image) => image.state === 'available' && image.name === name)) {
    throw new Ec2Error('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by another AMI`)
  }
}

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
      'BootMode',
      'ImdsSupport',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      requireFreeImageName(domain, context, input.Name ?? '')
      const { RootDeviceName: rootDeviceName, Architecture: architecture = 'i386' } = input
      if (!rootDeviceName) throw missingParameter('RootDeviceName')
      if (architecture !== 'x86_64' && architecture !== 'i386' && architecture !== 'arm64') {
        throw invalidParameterValue('architecture', architecture, 'Expected x86_64, i386 or arm64.')
      }
      if (input.VirtualizationType !== undefined && input.VirtualizationType !== 'hvm') {
        throw unsupportedOperation('Only hvm images are supported by Kiln.')
      }
      if (input.BootMode !== undefined && input.BootMode !== 'legacy-bios') {
        throw unsupportedOperation(`The boot mode ${input.BootMode} is not supported by Kiln yet.`)
      }
      const blockDevices = (input.BlockDeviceMappings ?? []).map((mapping) => readDevice(domain, context, mapping))
      if (!blockDevices.some(({ deviceName }) => deviceName === rootDeviceName)) {
        throw invalidParameterValue(
          'rootDeviceName',
          rootDeviceName,
          'No block device mapping has a snapshot for the root device.',
        )
      }
      const tags = readTagSpecifications(input.TagSpecifications, ['image'])
      const id = newId('ami', domain.random)
      const { accountId, region } = context
      store.images.insert({
        accountId,
        region,
        id,
        name: input.Name ?? '',
        ...(input.Description ? { description: input.Description } : {}),
        architecture,
        state: 'available',
        creationDate: context.now.toISOString(),
        imageLocation: `${accountId}/${input.Name}`,
        rootDeviceName,
        blockDevices,
        bootMode: architecture === 'arm64' ? 'uefi' : 'legacy-bios',
        enaSupport: input.EnaSupport ?? false,
        ...(input.ImdsSupport ? { imdsSupport: 'v2.0' as const } : {}),
      })
      putTags(store, context, id, 'image', tags.get('image') ?? [])
      domain.events.publish({
        kind: 'image-state-change',
        resourceId: id,
        message: `${id} (${input.Name}) is available`,
      })
      return { ImageId: id }
    },
  }
}

function readDevice({ store }: Domain, context: MutationContext, mapping: BlockDeviceMapping): ImageBlockDevice {
  const { DeviceName: deviceName, Ebs: ebs } = mapping
  if (!deviceName) throw missingParameter('BlockDeviceMapping.DeviceName')
  if (!ebs?.SnapshotId) throw missingParameter('BlockDeviceMapping.Ebs.SnapshotId')
  const snapshot = findOne('snap', ebs.SnapshotId, (id) => store.snapshots.get(context, id))
  const volumeSizeGib = ebs.VolumeSize ?? snapshot.volumeSizeGib
  if (volumeSizeGib < snapshot.volumeSizeGib) {
    throw new Ec2Error(
      'InvalidBlockDeviceMapping',
      `Volume of size ${volumeSizeGib}GB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.volumeSizeGib}GB`,
    )
  }
  return {
    deviceName,
    snapshotId: snapshot.id,
    volumeSizeGib,
    volumeType: ebs.VolumeType ?? 'gp3',
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
  }
}
