import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { noDhcpOptions } from './dhcp-options.ts'

/** AssociateDhcpOptions: guests hear of them when they renew their leases; `default` means none at all. */
export function associateDhcpOptions({ store, networks }: Domain): Ec2Mutation<'AssociateDhcpOptions'> {
  return {
    kind: 'mutation',
    parameters: ['DhcpOptionsId', 'VpcId'],
    apply: (context, { DhcpOptionsId: optionsId, VpcId: vpcId = '' }) => {
      if (!optionsId) throw missingParameter('dhcpOptionsId')
      const vpc = findOne('vpc', vpcId, (id) => store.vpcs.get(context, id))
      const dhcpOptionsId =
        optionsId === noDhcpOptions
          ? noDhcpOptions
          : findOne('dopt', optionsId, (id) => store.dhcpOptions.get(context, id)).id
      store.vpcs.replace({ ...vpc, dhcpOptionsId })
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return {}
    },
  }
}
