import type { Domain } from '../../ec2/domain.ts'
import { describeAccountAttributes, describeIdFormat } from '../../ec2/region/describe-account.ts'
import { describeAvailabilityZones, describeRegions } from '../../ec2/region/describe-regions.ts'
import { modifyAvailabilityZoneGroup } from '../../ec2/region/opt-in.ts'
import type { AnyOperation } from '../dispatch.ts'

export function regionOperations(domain: Domain) {
  return {
    DescribeRegions: describeRegions(domain),
    DescribeAvailabilityZones: describeAvailabilityZones(domain),
    ModifyAvailabilityZoneGroup: modifyAvailabilityZoneGroup(domain),
    DescribeAccountAttributes: describeAccountAttributes(domain),
    DescribeIdFormat: describeIdFormat(),
  } satisfies Record<string, AnyOperation>
}
