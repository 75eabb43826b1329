import type { Domain } from '../../ec2/domain.ts'
import { describeVolumes } from '../../ec2/volume/describe-volumes.ts'
import type { AnyOperation } from '../dispatch.ts'

export function volumeOperations(domain: Domain) {
  return {
    DescribeVolumes: describeVolumes(domain),
  } satisfies Record<string, AnyOperation>
}
