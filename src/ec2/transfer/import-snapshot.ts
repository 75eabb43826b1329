import type { Domain } from '../domain.ts'
import { chooseKmsKey } from '../encryption/choose-encryption.ts'
import { invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeImportSnapshotTask } from './describe-imports.ts'
import { readDiskFormat, readDiskSource } from './disk-source.ts'
import { requireTransferQuota } from './transfer-quota.ts'
import type { ImportSnapshotRecord } from './transfer.ts'

const operation = 'ImportSnapshot'
const resourceType = 'import-snapshot-task'

/** ImportSnapshot: a snapshot of a disk that lies in a bucket, at an address, or in a file of the host. */
export function importSnapshot(domain: Domain): Ec2Mutation<'ImportSnapshot'> {
  const { store, random, settings } = domain
  return {
    kind: 'mutation',
    parameters: [
      'ClientToken',
      'Description',
      'DiskContainer',
      'Encrypted',
      'KmsKeyId',
      'RoleName',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { accountId, region } = context
      const { DiskContainer: container, Description: description = container?.Description } = input
      if (!container) throw missingParameter('DiskContainer')
      const kmsKeyId = chooseKmsKey(domain, context, input, undefined)
      requireOneOf(operation, 'RoleName', input.RoleName, ['vmimport'])
      const source = readDiskSource(domain, context, container)
      if (!source) throw missingParameter('DiskContainer.Url or DiskContainer.UserBucket')
      const format = readDiskFormat('DiskContainer.Format', container.Format)
      if (format === 'ova')
        throw invalidParameterValue('DiskContainer.Format', 'OVA', 'An OVA is imported by ImportImage.')
      requireQuota(settings.quotas, 'snapshots', {
        present: store.snapshots.count(context),
        code: 'SnapshotLimitExceeded',
      })
      requireTransferQuota(domain, context, ['import-image', 'import-snapshot'])
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      const transfer: ImportSnapshotRecord = {
        accountId,
        region,
        id: newId('import-snap', random),
        kind: 'import-snapshot',
        state: 'active',
        startedAt: context.now.toISOString(),
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        ...(description === undefined ? {} : { description }),
        disk: {
          source,
          ...(format === undefined ? {} : { format }),
          ...(description === undefined ? {} : { description }),
        },
      }
      store.transfers.insert(transfer)
      putTags(store, context, transfer.id, resourceType, tags)
      context.afterCommit(() => domain.transfers.start(transfer.id))
      return describeImportSnapshotTask(domain, transfer)
    },
  }
}
