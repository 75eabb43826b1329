import type { Domain } from '../domain.ts'
import { defineAccountSetting } from '../account-setting.ts'
import type { DhcpOptionsRecord } from '../dhcp-options/dhcp-options.ts'
import { newId } from '../ids.ts'
import { makeDefaultNetworkAcl } from '../network-acl/default-acl.ts'
import { amazonProvidedDns } from '../ports/dhcp.ts'
import type { Scope } from '../ports/store.ts'
import type { RouteTableRecord } from '../route-table/route-table.ts'
import { newGroupRules } from '../security-group/default-rule.ts'
import type { SecurityGroupRecord } from '../security-group/security-group.ts'
import { privateDomainOf, type VpcRecord } from './vpc.ts'

type NewVpcDependencies = Pick<Domain, 'store' | 'random'>

/** The DHCP options that new VPCs of a region get. */
const regionalOptions = defineAccountSetting('default-dhcp-options', { id: '' })

/** Records a VPC with what EC2 makes along with every one: its main route table, its default security group and network ACL. */
export function insertVpc(
  { store, random }: NewVpcDependencies,
  scope: Scope,
  draft: Pick<VpcRecord, 'cidr' | 'isDefault' | 'tenancy'>,
): VpcRecord {
  const { accountId, region } = scope
  const dhcpOptionsId = defaultDhcpOptions({ store, random }, scope)
  const vpc: VpcRecord = { accountId, region, id: newId('vpc', random), ...draft, dhcpOptionsId }
  store.vpcs.insert(vpc)
  store.routeTables.insert(mainTable({ random }, vpc))
  store.securityGroups.insert(defaultGroup({ random }, vpc))
  store.networkAcls.insert(makeDefaultNetworkAcl({ random }, scope, vpc.id))
  return vpc
}

/** The table of the subnets that have no other; the local route is in every table. */
export function mainTable(
  { random }: Pick<Domain, 'random'>,
  { accountId, region, id: vpcId }: VpcRecord,
): RouteTableRecord {
  const associations = [{ id: newId('rtbassoc', random) }]
  return { accountId, region, id: newId('rtb', random), vpcId, routes: [], associations }
}

/** The id of the options that EC2 has ready in every region: its own resolver and domain. Made again when they were deleted. */
function defaultDhcpOptions({ store, random }: NewVpcDependencies, scope: Scope): string {
  const { id } = regionalOptions.get(store, scope)
  if (id !== '' && store.dhcpOptions.get(scope, id)) return id
  return recordDefaultOptions({ store }, scope, newId('dopt', random))
}

/** Records the region's own options under that id; answers it. */
export function recordDefaultOptions({ store }: Pick<Domain, 'store'>, scope: Scope, id: string): string {
  const { accountId, region } = scope
  const options: DhcpOptionsRecord = {
    accountId,
    region,
    id,
    configurations: [
      { key: 'domain-name', values: [privateDomainOf(region)] },
      { key: 'domain-name-servers', values: [amazonProvidedDns] },
    ],
  }
  store.dhcpOptions.insert(options)
  regionalOptions.put(store, scope, { id })
  return id
}

/** All from its own members, all to anywhere. */
function defaultGroup(
  { random }: Pick<Domain, 'random'>,
  { accountId, region, id: vpcId }: VpcRecord,
): SecurityGroupRecord {
  const id = newId('sg', random)
  return {
    accountId,
    region,
    id,
    name: 'default',
    description: 'default VPC security group',
    vpcId,
    rules: [
      { id: newId('sgr', random), isEgress: false, protocol: '-1', fromPort: -1, toPort: -1, peerGroupId: id },
      ...newGroupRules(random, { hasIpv6: false }),
    ],
  }
}
