import type { Domain } from '../../ec2/domain.ts'
import {
  listImagesInRecycleBin,
  listSnapshotsInRecycleBin,
  listVolumesInRecycleBin,
} from '../../ec2/recycle-bin/list-recycled.ts'
import { findRetentionRule, putRetentionRule } from '../../ec2/recycle-bin/put-retention-rule.ts'
import {
  restoreImageFromRecycleBin,
  restoreSnapshotFromRecycleBin,
  restoreVolumeFromRecycleBin,
} from '../../ec2/recycle-bin/restore-recycled.ts'
import type { RetentionRuleRecord } from '../../ec2/recycle-bin/retention-rule.ts'
import { describeTags } from '../../ec2/tag/tag.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { RetentionRuleDescription } from '../kiln/retention-rule.ts'

/** The Recycle Bin. Its rules are another service's on AWS (`aws rbin`). */
export function recycleBinOperations(domain: Domain) {
  const { store } = domain
  return {
    ListImagesInRecycleBin: listImagesInRecycleBin(domain),
    ListSnapshotsInRecycleBin: listSnapshotsInRecycleBin(domain),
    ListVolumesInRecycleBin: listVolumesInRecycleBin(),
    RestoreImageFromRecycleBin: restoreImageFromRecycleBin(domain),
    RestoreSnapshotFromRecycleBin: restoreSnapshotFromRecycleBin(domain),
    RestoreVolumeFromRecycleBin: restoreVolumeFromRecycleBin(),
    KilnPutRetentionRule: mutation('KilnPutRetentionRule', (context, input) => ({
      Rule: describeRule(
        putRetentionRule(domain, context, {
          id: input.Identifier,
          resourceType: input.ResourceType,
          retentionDays: input.RetentionDays,
          description: input.Description ?? '',
          resourceTags: input.ResourceTags ?? [],
          excludeResourceTags: input.ExcludeResourceTags ?? [],
        }),
      ),
    })),
    KilnDescribeRetentionRules: query('KilnDescribeRetentionRules', (context) => ({
      Rules: store.retentionRules.list(context).map(describeRule),
    })),
    KilnDeleteRetentionRule: mutation('KilnDeleteRetentionRule', (context, input) => {
      store.retentionRules.remove(findRetentionRule(domain, context, input.Identifier).id)
      return {}
    }),
  } satisfies Record<string, AnyOperation>
}

function describeRule(rule: RetentionRuleRecord): RetentionRuleDescription {
  return {
    Identifier: rule.id,
    ResourceType: rule.resourceType,
    RetentionDays: rule.retentionDays,
    Description: rule.description,
    ResourceTags: describeTags(rule.resourceTags),
    ExcludeResourceTags: describeTags(rule.excludeResourceTags),
  }
}
