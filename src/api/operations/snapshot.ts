import type { Domain } from '../../ec2/domain.ts'
import { createSnapshot, createSnapshots } from '../../ec2/snapshot/create-snapshot.ts'
import { deleteSnapshot } from '../../ec2/snapshot/delete-snapshot.ts'
import { describeSnapshots } from '../../ec2/snapshot/describe-snapshots.ts'
import type { AnyOperation } from '../dispatch.ts'

export function snapshotOperations(domain: Domain) {
  return {
    CreateSnapshot: createSnapshot(domain),
    CreateSnapshots: createSnapshots(domain),
    DescribeSnapshots: describeSnapshots(domain),
    DeleteSnapshot: deleteSnapshot(domain),
  } satisfies Record<string, AnyOperation>
}
