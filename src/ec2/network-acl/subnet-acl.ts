import type { AclEntry, SubnetAcl } from '../ports/firewall.ts'
import type { Store } from '../ports/store.ts'
import type { NetworkAclEntry } from './network-acl.ts'

/** What may cross the edge of each subnet of a VPC, by subnet; those that let everything pass are left out. */
export function readSubnetAcls(store: Store, vpcId: string): ReadonlyMap<string, { readonly acl: SubnetAcl }> {
  const acls = store.networkAcls.listBy('vpcId', vpcId)
  const asked = new Map(acls.flatMap((acl) => acl.associations.map(({ subnetId }) => [subnetId, acl] as const)))
  const byDefault = acls.find(({ isDefault }) => isDefault)
  return new Map(
    store.subnets.listBy('vpcId', vpcId).flatMap(({ id, ipv6 }) => {
      const acl = asked.get(id) ?? byDefault
      const ingress = describeEntries(acl?.entries ?? [], false)
      const egress = describeEntries(acl?.entries ?? [], true)
      return acl === undefined || [ingress, egress].every((entries) => letsAllPass(entries, ipv6 !== undefined))
        ? []
        : [[id, { acl: { id: acl.id, ingress, egress } }] as const]
    }),
  )
}

function describeEntries(entries: readonly NetworkAclEntry[], isEgress: boolean): AclEntry[] {
  return entries
    .filter((entry) => entry.isEgress === isEgress)
    .sort((a, b) => a.ruleNumber - b.ruleNumber)
    .map(describeEntry)
}

/** Whether, of either family that the subnet has, the first entry decides for every packet that it may pass. */
function letsAllPass(entries: readonly AclEntry[], hasIpv6: boolean): boolean {
  return ['0.0.0.0/0', ...(hasIpv6 ? ['::/0'] : [])].every((everybody) => {
    const first = entries.find(({ cidr }) => cidr?.includes(':') === everybody.includes(':'))
    return first?.isAllowed === true && first.protocol === 'all' && first.cidr === everybody
  })
}

function describeEntry(entry: NetworkAclEntry): AclEntry {
  const { fromPort, toPort, icmpType = -1, icmpCode = -1 } = entry
  return {
    protocol: protocolOf(entry.protocol),
    ...(fromPort === undefined || toPort === undefined ? {} : { fromPort, toPort }),
    ...(icmpType < 0 ? {} : { icmpType }),
    ...(icmpType < 0 || icmpCode < 0 ? {} : { icmpCode }),
    cidr: entry.cidrIpv4 ?? entry.cidrIpv6 ?? '',
    isAllowed: entry.action === 'allow',
    ruleNumber: entry.ruleNumber,
  }
}

function protocolOf(number: string): AclEntry['protocol'] {
  switch (number) {
    case '-1':
      return 'all'
    case '1':
      return 'icmp'
    case '6':
      return 'tcp'
    case '17':
      return 'udp'
    default:
      return Number(number)
  }
}
