import type { Domain } from '../../ec2/domain.ts'
import {
  describeInstanceTypeOfferings,
  describeInstanceTypes,
} from '../../ec2/instance-type/describe-instance-types.ts'
import { getInstanceTypesFromInstanceRequirements } from '../../ec2/instance-type/get-instance-types-from-requirements.ts'
import type { AnyOperation } from '../dispatch.ts'

export function instanceTypeOperations(domain: Domain) {
  return {
    DescribeInstanceTypes: describeInstanceTypes(domain),
    GetInstanceTypesFromInstanceRequirements: getInstanceTypesFromInstanceRequirements(domain),
    DescribeInstanceTypeOfferings: describeInstanceTypeOfferings(domain),
  } satisfies Record<string, AnyOperation>
}
