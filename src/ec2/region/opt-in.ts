import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'

/** Whether the account has opted in to the region's group of zones, which needs no opting in. */
export const optedIn = defineAccountSetting('zone-group-opt-in', { isOptedIn: false })

/** The one group of a region's availability zones: `us-east-1-zg-1`. */
export function zoneGroupOf(region: string): string {
  return `${region}-zg-1`
}

/** ModifyAvailabilityZoneGroup: kept and told; the zones are there in any case. As on EC2 there is no way back. */
export function modifyAvailabilityZoneGroup({ store }: Domain): Ec2Mutation<'ModifyAvailabilityZoneGroup'> {
  return {
    kind: 'mutation',
    parameters: ['GroupName', 'OptInStatus'],
    isRecordOnly: true,
    apply: (context, input) => {
      const { GroupName: name = '', OptInStatus: status } = input
      if (name !== zoneGroupOf(context.region)) {
        throw invalidParameterValue(
          'GroupName',
          name.slice(0, 80),
          `The region ${context.region} has the zone group ${zoneGroupOf(context.region)} only.`,
        )
      }
      if (status !== 'opted-in') throw invalidParameterValue('OptInStatus', status, 'The only valid value is opted-in.')
      optedIn.put(store, context, { isOptedIn: true })
      return { Return: true }
    },
  }
}
