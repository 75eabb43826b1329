import type { Domain } from '../../ec2/domain.ts'
import {
  describeInstanceTypeOfferings,
  describeInstanceTypes,
} from '../../ec2/instance-type/describe-instance-types.ts'
import type { AnyOperation } from '../dispatch.ts'

export function instanceTypeOperations(domain: Domain) {
  return {
    DescribeInstanceTypes: describeInstanceTypes(domain),
    DescribeInstanceTypeOfferings: describeInstanceTypeOfferings(domain),
  } satisfies Record<string, AnyOperation>
}
