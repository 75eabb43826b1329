import type { ImageDiskContainer, ImportImageRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { chooseKmsKey } from '../encryption/choose-encryption.ts'
import { invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import { readBootSettings } from '../image/boot-settings.ts'
import { maximumImageDisks } from '../image/image-devices.ts'
import { requireImageDescription } from '../image/image-description.ts'
import { requireQuotasOfDiskImage } from '../image/new-image.ts'
import type { CallContext, Ec2Mutation } from '../operation.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { findOwnSnapshot } from '../snapshot/visible-snapshot.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireDeviceName } from '../volume/device-name.ts'
import { describeImportImageTask } from './describe-imports.ts'
import { readDiskFormat, readDiskSource } from './disk-source.ts'
import { deviceNamesOf } from './imported-disk.ts'
import { requireTransferQuota } from './transfer-quota.ts'
import type { DiskSource, ImportImageRecord } from './transfer.ts'

const operation = 'ImportImage'
const resourceType = 'import-image-task'

/** ImportImage: an AMI of disks that lie in a bucket, at an address, in a file of the host, or in snapshots. */
export function importImage(domain: Domain): Ec2Mutation<'ImportImage'> {
  const { store, random } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Architecture',
      'BootMode',
      'ClientToken',
      'Description',
      'DiskContainers',
      'Encrypted',
      'Hypervisor',
      'KmsKeyId',
      'Platform',
      'RoleName',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { accountId, region } = context
      const machine = readMachine(input)
      const { Description: description } = input
      requireImageDescription(description ?? '')
      const disks = readDisks(domain, context, input.DiskContainers ?? [])
      const kmsKeyId = chooseKmsKey(domain, context, input, undefined)
      if (kmsKeyId !== undefined) refuseSnapshots(disks)
      requireQuotasOfDiskImage({ store, quotas: domain.settings.quotas }, context, disks.length)
      requireTransferQuota(domain, context, ['import-image', 'import-snapshot'])
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      const transfer: ImportImageRecord = {
        accountId,
        region,
        id: newId('import-ami', random),
        kind: 'import-image',
        state: 'active',
        startedAt: context.now.toISOString(),
        ...(description === undefined ? {} : { description }),
        ...machine,
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        disks,
      }
      store.transfers.insert(transfer)
      putTags(store, context, transfer.id, resourceType, tags)
      context.afterCommit(() => domain.transfers.start(transfer.id))
      return describeImportImageTask(domain, transfer)
    },
  }
}

function readMachine(input: ImportImageRequest): Pick<ImportImageRecord, 'architecture' | 'bootMode'> {
  const { Architecture: architecture = 'x86_64' } = input
  if (architecture !== 'x86_64' && architecture !== 'i386' && architecture !== 'arm64') {
    throw invalidParameterValue('architecture', architecture.slice(0, 80), 'Expected x86_64, i386 or arm64.')
  }
  requireOneOf(operation, 'Hypervisor', input.Hypervisor, ['xen'])
  requireOneOf(operation, 'Platform', input.Platform, ['Linux'])
  requireOneOf(operation, 'RoleName', input.RoleName, ['vmimport'])
  const { bootMode } = readBootSettings(architecture, { BootMode: input.BootMode })
  return { architecture, bootMode }
}

function readDisks(
  domain: Domain,
  context: CallContext,
  containers: readonly ImageDiskContainer[],
): ImportImageRecord['disks'] {
  if (containers.length === 0) throw missingParameter('DiskContainers')
  if (containers.length > maximumImageDisks) {
    throw invalidParameterValue(
      'DiskContainers',
      containers.length,
      `At most ${maximumImageDisks} disks are imported at once.`,
    )
  }
  const disks = containers.map((container) => {
    const source = readDiskSource(domain, context, container) ?? readSnapshot(domain, context, container.SnapshotId)
    const format = readDiskFormat('DiskContainer.Format', container.Format)
    const { DeviceName: deviceName, Description: description } = container
    return {
      source,
      ...(format === undefined ? {} : { format }),
      ...(description === undefined ? {} : { description }),
      ...(deviceName ? { deviceName: requireDeviceName(deviceName) } : {}),
    }
  })
  const names = new Set(deviceNamesOf(disks))
  if (names.size === disks.length) return disks
  throw invalidParameterValue('DiskContainers', [...names].join(', '), 'A device name is used twice.')
}

function readSnapshot(domain: Domain, context: CallContext, snapshotId: string | undefined): DiskSource {
  if (!snapshotId) throw missingParameter('DiskContainer.Url, DiskContainer.UserBucket or DiskContainer.SnapshotId')
  return { kind: 'snapshot', snapshotId: requireCompleted(findOwnSnapshot(domain, context, snapshotId)).id }
}

/** A snapshot of an import becomes the image's own: nothing is written, so nothing can be encrypted. */
function refuseSnapshots(disks: ImportImageRecord['disks']): void {
  if (disks.every(({ source }) => source.kind !== 'snapshot')) return
  throw invalidParameterCombination(
    'A snapshot is mapped as it is and cannot be encrypted by an import. Copy it with Encrypted (CopySnapshot), then register the image (RegisterImage).',
  )
}
