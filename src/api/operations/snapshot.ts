import type { Domain } from '../../ec2/domain.ts'
import {
  disableSnapshotBlockPublicAccess,
  enableSnapshotBlockPublicAccess,
  getSnapshotBlockPublicAccessState,
} from '../../ec2/snapshot/block-public-access.ts'
import { disableFastSnapshotRestores, enableFastSnapshotRestores } from '../../ec2/snapshot/change-fast-restores.ts'
import { copySnapshot } from '../../ec2/snapshot/copy-snapshot.ts'
import { createSnapshot, createSnapshots } from '../../ec2/snapshot/create-snapshot.ts'
import { deleteSnapshot } from '../../ec2/snapshot/delete-snapshot.ts'
import { describeFastSnapshotRestores } from '../../ec2/snapshot/describe-fast-restores.ts'
import { describeLockedSnapshots } from '../../ec2/snapshot/describe-locked-snapshots.ts'
import { describeSnapshots } from '../../ec2/snapshot/describe-snapshots.ts'
import { lockSnapshot, unlockSnapshot } from '../../ec2/snapshot/lock-snapshot.ts'
import { modifySnapshotTier, restoreSnapshotTier } from '../../ec2/snapshot/modify-tier.ts'
import {
  describeSnapshotAttribute,
  modifySnapshotAttribute,
  resetSnapshotAttribute,
} from '../../ec2/snapshot/snapshot-attribute.ts'
import { describeSnapshotTierStatus } from '../../ec2/snapshot/snapshot-tier.ts'
import type { AnyOperation } from '../dispatch.ts'

export function snapshotOperations(domain: Domain) {
  return {
    CopySnapshot: copySnapshot(domain),
    CreateSnapshot: createSnapshot(domain),
    CreateSnapshots: createSnapshots(domain),
    DescribeSnapshots: describeSnapshots(domain),
    DeleteSnapshot: deleteSnapshot(domain),
    DescribeSnapshotAttribute: describeSnapshotAttribute(domain),
    ModifySnapshotAttribute: modifySnapshotAttribute(domain),
    ResetSnapshotAttribute: resetSnapshotAttribute(domain),
    LockSnapshot: lockSnapshot(domain),
    UnlockSnapshot: unlockSnapshot(domain),
    DescribeLockedSnapshots: describeLockedSnapshots(domain),
    ModifySnapshotTier: modifySnapshotTier(domain),
    RestoreSnapshotTier: restoreSnapshotTier(domain),
    DescribeSnapshotTierStatus: describeSnapshotTierStatus(domain),
    EnableFastSnapshotRestores: enableFastSnapshotRestores(domain),
    DisableFastSnapshotRestores: disableFastSnapshotRestores(domain),
    DescribeFastSnapshotRestores: describeFastSnapshotRestores(domain),
    GetSnapshotBlockPublicAccessState: getSnapshotBlockPublicAccessState(domain),
    EnableSnapshotBlockPublicAccess: enableSnapshotBlockPublicAccess(domain),
    DisableSnapshotBlockPublicAccess: disableSnapshotBlockPublicAccess(domain),
  } satisfies Record<string, AnyOperation>
}
