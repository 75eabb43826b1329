import type { Domain } from '../../ec2/domain.ts'
import { deleteSnapshot } from '../../ec2/snapshot/delete-snapshot.ts'
import { describeSnapshots } from '../../ec2/snapshot/describe-snapshots.ts'
import type { AnyOperation } from '../dispatch.ts'

export function snapshotOperations(domain: Domain) {
  return {
    DescribeSnapshots: describeSnapshots(domain),
    DeleteSnapshot: deleteSnapshot(domain),
  } satisfies Record<string, AnyOperation>
}
