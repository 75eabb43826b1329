import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination } from '../errors.ts'
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
      requireOneOf(operation, 'EnableDns64', attributes.EnableDns64?.Value, [false])
      const assignIpv6AddressOnCreation = attributes.AssignIpv6AddressOnCreation?.Value
      if (assignIpv6AddressOnCreation && !subnet.ipv6) {
        // As EC2 words it (terraform-aws-modules/terraform-aws-vpc#735).
        throw new Ec2Error(
          'InvalidParameterValue',
          `Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the subnet (${subnet.id}) has an IPv6 CIDR block associated with it.`,
        )
      }
      const hostnameType = attributes.PrivateDnsHostnameTypeOnLaunch
      const mapPublicIpOnLaunch = attributes.MapPublicIpOnLaunch?.Value
      const hasResourceNames = attributes.EnableResourceNameDnsARecordOnLaunch?.Value
      const hasResourceNamesAaaa = attributes.EnableResourceNameDnsAAAARecordOnLaunch?.Value
      store.subnets.replace({
        ...subnet,
        ...(mapPublicIpOnLaunch === undefined ? {} : { mapPublicIpOnLaunch }),
        ...(assignIpv6AddressOnCreation === undefined ? {} : { assignIpv6AddressOnCreation }),
        ...(hasResourceNames === undefined ? {} : { hasResourceNames }),
        ...(hasResourceNamesAaaa === undefined ? {} : { hasResourceNamesAaaa }),
        ...(hostnameType === undefined ? {} : { hostnameType }),
      })
      return {}
    },
  }
}
