import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import { formatIpv4Block, overlapsBlock, parseIpv4Block, sizeOfBlock } from '../ipv4.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { Zone } from '../region/region.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { insertVpc, mainTable, recordDefaultOptions } from './new-vpc.ts'
import type { VpcRecord } from './vpc.ts'

/** What EC2 gives every region ("Default VPCs"): this block, a /20 subnet a zone. */
const defaultVpcCidr = '172.31.0.0/16'
const subnetPrefixLength = 20
const everywhere = '0.0.0.0/0'

type NetworkDependencies = Pick<Domain, 'store' | 'random'>

/** Makes the default VPC with all that belongs to it when the account uses the region for the first time. */
export function ensureDefaultNetwork(domain: Domain, scope: Scope): void {
  const { store } = domain
  const setting = `default-network/${scope.accountId}/${scope.region}`
  // A default VPC that was deleted stays deleted.
  if (store.settings.get(setting)) return
  store.transaction(() => {
    store.settings.put(setting, 'made')
    if (findDefaultVpc(store, scope) === undefined) makeDefaultVpc(domain, scope)
  })
}

export function findDefaultVpc(store: Store, scope: Scope): VpcRecord | undefined {
  return store.vpcs.list(scope).find(({ isDefault }) => isDefault)
}

/** A default VPC with a subnet in each zone, and the way to the internet. */
export function makeDefaultVpc(domain: Pick<Domain, 'store' | 'random' | 'regions'>, scope: Scope): VpcRecord {
  const vpc = insertVpc(domain, scope, { cidr: defaultVpcCidr, isDefault: true })
  openToInternet(domain, vpc)
  for (const zone of domain.regions.get(scope.region)?.zones ?? []) makeDefaultSubnet(domain, vpc, zone)
  return vpc
}

/** A subnet in the lowest part of the VPC that is free; undefined when there is none. */
export function makeDefaultSubnet(
  { store, random }: NetworkDependencies,
  { accountId, region, id: vpcId, cidr }: VpcRecord,
  zone: Zone,
): SubnetRecord | undefined {
  const free = findFreeBlock(
    cidr,
    store.subnets.listBy('vpcId', vpcId).map((subnet) => subnet.cidr),
  )
  if (free === undefined) return undefined
  const subnet: SubnetRecord = {
    accountId,
    region,
    id: newId('subnet', random),
    vpcId,
    cidr: free,
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    mapPublicIpOnLaunch: true,
    isDefaultForAz: true,
  }
  store.subnets.insert(subnet)
  return subnet
}

function findFreeBlock(cidr: string, taken: readonly string[]): string | undefined {
  const whole = parseIpv4Block(cidr)
  const others = taken.flatMap((text) => parseIpv4Block(text) ?? [])
  if (!whole) return undefined
  const size = 2 ** (32 - subnetPrefixLength)
  for (let base = whole.base; base < whole.base + sizeOfBlock(whole); base += size) {
    const block = { base, prefixLength: subnetPrefixLength }
    if (!others.some((other) => overlapsBlock(block, other))) return formatIpv4Block(block)
  }
  return undefined
}

/** The gateway of a default VPC, and the route to it in its main table. */
function openToInternet({ store, random }: NetworkDependencies, vpc: VpcRecord): void {
  const { accountId, region, id: vpcId } = vpc
  const gatewayId = newId('igw', random)
  store.internetGateways.insert({ accountId, region, id: gatewayId, vpcId })
  for (const table of store.routeTables.listBy('vpcId', vpcId)) {
    store.routeTables.replace({ ...table, routes: [{ destination: everywhere, gatewayId }] })
  }
}

/** Gives the VPCs of a state directory that an earlier Kiln has made what they lack. For the start of the daemon, before any network. */
export function completeNetworks(domain: NetworkDependencies): void {
  const { store } = domain
  store.transaction(() => {
    for (const vpc of store.vpcs.listAll()) {
      if (store.routeTables.countBy('vpcId', vpc.id) > 0) continue
      store.routeTables.insert(mainTable(domain, vpc))
      recordDefaultOptions(domain, vpc, vpc.dhcpOptionsId)
      openToInternet(domain, vpc)
    }
  })
}
