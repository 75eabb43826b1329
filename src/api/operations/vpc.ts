import type { Domain } from '../../ec2/domain.ts'
import { describeSubnets, describeVpcs } from '../../ec2/vpc/describe-vpcs.ts'
import type { AnyOperation } from '../dispatch.ts'

export function vpcOperations(domain: Domain) {
  return {
    DescribeVpcs: describeVpcs(domain),
    DescribeSubnets: describeSubnets(domain),
  } satisfies Record<string, AnyOperation>
}
