import ipaddr from 'ipaddr.js'
import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { Scope } from '../ports/store.ts'
import type { SecurityGroupRecord } from '../security-group/security-group.ts'

/** What EC2 gives every region ("Default VPCs"): this block, a /20 subnet a zone. */
const defaultVpcCidr = '172.31.0.0/16'
const subnetPrefixLength = 20

/** Makes the default VPC, its subnets and its default security group when the account uses the region for the first time. */
export function ensureDefaultNetwork(domain: Domain, scope: Scope): void {
  const { store, random } = domain
  if (store.vpcs.page(scope, 0, 1).length > 0) return
  const setting = `default-network/${scope.accountId}/${scope.region}`
  // A default VPC that was deleted stays deleted.
  if (store.settings.get(setting)) return
  store.transaction(() => {
    store.settings.put(setting, 'made')
    const vpcId = newId('vpc', random)
    const { accountId, region } = scope
    store.vpcs.insert({
      accountId,
      region,
      id: vpcId,
      cidr: defaultVpcCidr,
      isDefault: true,
      dhcpOptionsId: newId('dopt', random),
    })
    const [network] = ipaddr.IPv4.parseCIDR(defaultVpcCidr)
    for (const [index, zone] of (domain.regions.get(region)?.zones ?? []).entries()) {
      const octets = [...network.octets]
      octets[2] = index * 2 ** (24 - subnetPrefixLength)
      store.subnets.insert({
        accountId,
        region,
        id: newId('subnet', random),
        vpcId,
        cidr: `${octets.join('.')}/${subnetPrefixLength}`,
        availabilityZone: zone.name,
        availabilityZoneId: zone.id,
        mapPublicIpOnLaunch: true,
        isDefaultForAz: true,
      })
    }
    store.securityGroups.insert(makeDefaultGroup(domain, scope, vpcId))
  })
}

/** The group that EC2 makes with every VPC: all from its own members, all to anywhere. */
function makeDefaultGroup({ random }: Domain, scope: Scope, vpcId: string): SecurityGroupRecord {
  const id = newId('sg', random)
  const all = { protocol: '-1', fromPort: -1, toPort: -1 }
  return {
    accountId: scope.accountId,
    region: scope.region,
    id,
    name: 'default',
    description: 'default VPC security group',
    vpcId,
    rules: [
      { id: newId('sgr', random), isEgress: false, ...all, peerGroupId: id },
      { id: newId('sgr', random), isEgress: true, ...all, cidrIpv4: '0.0.0.0/0' },
    ],
  }
}
