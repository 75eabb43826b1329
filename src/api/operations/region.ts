import type { Domain } from '../../ec2/domain.ts'
import { describeAvailabilityZones, describeRegions } from '../../ec2/region/describe-regions.ts'
import type { AnyOperation } from '../dispatch.ts'

export function regionOperations(domain: Domain) {
  return {
    DescribeRegions: describeRegions(domain),
    DescribeAvailabilityZones: describeAvailabilityZones(domain),
  } satisfies Record<string, AnyOperation>
}
