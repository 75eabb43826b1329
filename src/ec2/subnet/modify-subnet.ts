import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'

const operation = 'ModifySubnetAttribute'

/** ModifySubnetAttribute: one attribute a call; it holds for what is launched from now on. */
export function modifySubnetAttribute({ store }: Domain): Ec2Mutation<'ModifySubnetAttribute'> {
  return {
    kind: 'mutation',
    parameters: [
      'SubnetId',
      'MapPublicIpOnLaunch',
      'EnableResourceNameDnsARecordOnLaunch',
      'AssignIpv6AddressOnCreation',
      'EnableDns64',
      'EnableResourceNameDnsAAAARecordOnLaunch',
      'PrivateDnsHostnameTypeOnLaunch',
    ],
    apply: (context, { SubnetId: subnetId = '', ...attributes }) => {
      const subnet = findOne('subnet', subnetId, (id) => store.subnets.get(context, id))
      const given = Object.values(attributes).filter((value) => value !== undefined)
      if (given.length === 0) throw invalidParameterCombination('No attributes specified.')
      if (given.length > 1) throw invalidParameterCombination('Fields for multiple attribute types specified')
      // Without IPv6 these have one value only.
      for (const name of [
        'AssignIpv6AddressOnCreation',
        'EnableDns64',
        'EnableResourceNameDnsAAAARecordOnLaunch',
      ] as const) {
        requireOneOf(operation, name, attributes[name]?.Value, [false])
      }
      const hostnameType = attributes.PrivateDnsHostnameTypeOnLaunch
      requireOneOf(operation, 'PrivateDnsHostnameTypeOnLaunch', hostnameType, ['ip-name'])
      const mapPublicIpOnLaunch = attributes.MapPublicIpOnLaunch?.Value
      const hasResourceNames = attributes.EnableResourceNameDnsARecordOnLaunch?.Value
      store.subnets.replace({
        ...subnet,
        ...(mapPublicIpOnLaunch === undefined ? {} : { mapPublicIpOnLaunch }),
        ...(hasResourceNames === undefined ? {} : { hasResourceNames }),
      })
      return {}
    },
  }
}
