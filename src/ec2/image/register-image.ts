import type { BlockDeviceMapping } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { findOwnSnapshot } from '../snapshot/visible-snapshot.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireDeviceName, requireVolumeSize, requireVolumeType } from '../volume/volume-type.ts'
import { requireImageDescription } from './image-description.ts'
import type { ImageBlockDevice } from './image.ts'

const operation = 'RegisterImage'
/** EC2's rule for AMI names ("RegisterImage"). */
const namePattern = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/

/** Throws InvalidAMIName.Malformed. */
export function requireImageName(name: string): void {
  if (namePattern.test(name)) return
  throw new Ec2Error(
    'InvalidAMIName.Malformed',
    `AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'`,
  )
}

/** Checks the name of a new image. Throws InvalidAMIName.Malformed or InvalidAMIName.Duplicate. */
export function requireFreeImageName(
  domain: Pick<Domain, 'store'>,
  context: { accountId: string; region: string },
  name: string,
): void {
  requireImageName(name)
  const { accountId, region } = context
  const others = domain.store.images.listBy('name', name)
  if (others.some((image) => image.accountId === accountId && image.region === region)) {
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
      'SriovNetSupport',
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
      const bootMode = architecture === 'arm64' ? 'uefi' : 'legacy-bios'
      requireOneOf(operation, 'BootMode', input.BootMode, [bootMode])
      requireOneOf(operation, 'VirtualizationType', input.VirtualizationType, ['hvm'])
      requireOneOf(operation, 'SriovNetSupport', input.SriovNetSupport, ['simple'])
      requireImageDescription(input.Description ?? '')
      const blockDevices = (input.BlockDeviceMappings ?? []).map((mapping) => readDevice(domain, context, mapping))
      const names = new Set(blockDevices.map(({ deviceName }) => deviceName))
      if (names.size < blockDevices.length) {
        throw new Ec2Error('InvalidBlockDeviceMapping', 'A device name is used twice in the block device mappings.')
      }
      if (!names.has(rootDeviceName)) {
        throw invalidParameterValue(
          'rootDeviceName',
          rootDeviceName.slice(0, 80),
          'No block device mapping has a snapshot for the root device.',
        )
      }
      requireQuota(domain.settings.quotas, 'images', { present: store.images.count(context), code: 'AMIQuotaExceeded' })
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
        bootMode,
        enaSupport: input.EnaSupport ?? false,
        ...(input.ImdsSupport ? { imdsSupport: 'v2.0' as const } : {}),
      })
      putTags(store, context, id, 'image', tags.get('image') ?? [])
      context.afterCommit(() => domain.descriptionRefresher.refreshImage(id))
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
  const deviceName = requireDeviceName(mapping.DeviceName)
  refuseOtherMembers(operation, 'BlockDeviceMapping', mapping, ['DeviceName', 'Ebs'])
  const ebs = mapping.Ebs ?? {}
  refuseOtherMembers(operation, 'BlockDeviceMapping.Ebs', ebs, [
    'DeleteOnTermination',
    'SnapshotId',
    'VolumeSize',
    'VolumeType',
    'Encrypted',
  ])
  requireOneOf(operation, 'BlockDeviceMapping.Ebs.Encrypted', ebs.Encrypted, [false])
  if (!ebs.SnapshotId) throw unsupportedOperation('An AMI of Kiln has a snapshot for each of its devices.')
  const snapshot = findOwnSnapshot({ store }, context, ebs.SnapshotId)
  const volumeType = requireVolumeType(ebs.VolumeType ?? 'gp3')
  const volumeSizeGib = ebs.VolumeSize ?? snapshot.volumeSizeGib
  requireVolumeSize(volumeType, volumeSizeGib, snapshot)
  return {
    deviceName,
    snapshotId: snapshot.id,
    volumeSizeGib,
    volumeType,
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
  }
}
