import { instanceAddress, type Lab, labTag } from '../lab.ts'
import type { LabNetwork } from '../lab-network.ts'
import { type Observed, tagOf } from '../observed.ts'
import { ipv6BlockOfVpc } from '../observed-network.ts'
import { removeNetwork } from './plan-network-removal.ts'
import { planPeerings } from './plan-peering.ts'
import { chooseNumbers, planSubnet } from './plan-subnet.ts'
import { operationId, type PlanDraft, vpcAddress } from './plan.ts'

/** Plans the VPC of a lab, its subnets with their routes, its NAT gateways and the elastic addresses of its instances. */
export function planNetwork(draft: PlanDraft, lab: Lab, observed: Observed): void {
  const { network } = observed
  noteKnown(draft, observed)
  refuseMoves(draft, lab, observed)
  if (lab.network) {
    planVpc(draft, lab.network, observed)
    const numbers = chooseNumbers(lab.network, observed)
    for (const subnet of lab.network.subnets.values()) {
      planSubnet(draft, subnet, observed, numbers.get(subnet.key))
    }
    planNatGateways(draft, lab.network, observed)
  }
  planPeerings(draft, lab, observed)
  planAddresses(draft, lab, observed)
  const wanted = new Set(wantedAddresses(lab))
  const gone = <T extends Parameters<typeof tagOf>[0]>(records: readonly T[]) =>
    records.filter((record) => !wanted.has(tagOf(record, labTag.resource) ?? ''))
  removeNetwork(draft, {
    ...network,
    natGateways: gone(network.natGateways),
    addresses: gone(network.addresses),
    subnets: gone(network.subnets),
    isVpcGone: network.vpc !== undefined && !lab.network,
  })
}

/** What a launch into a subnet waits for. A subnet whose routes lead to an instance of the lab gets them later. */
export function beforeLaunchIn(network: LabNetwork | undefined, key: string | undefined): string[] {
  const subnet = key === undefined ? undefined : network?.subnets.get(key)
  if (!subnet) return []
  const leadsToInstance = [...subnet.routes.values()].some((target) => target.startsWith('instances.'))
  return [operationId.putSubnet(key ?? ''), ...(leadsToInstance ? [] : [operationId.putRoutes(key ?? '')])]
}

function noteKnown(draft: PlanDraft, { network }: Observed): void {
  if (network.vpc) draft.known.set(vpcAddress, network.vpc.VpcId ?? '')
  for (const record of network.subnets) draft.known.set(tagOf(record, labTag.resource) ?? '', record.SubnetId ?? '')
  for (const record of network.natGateways) {
    draft.known.set(tagOf(record, labTag.resource) ?? '', record.NatGatewayId ?? '')
  }
  for (const record of network.peerings) {
    draft.known.set(tagOf(record, labTag.resource) ?? '', record.VpcPeeringConnectionId ?? '')
  }
}

function refuseMoves(draft: PlanDraft, lab: Lab, { network, instances, securityGroups }: Observed): void {
  const hasOwn = instances.length > 0 || securityGroups.some((group) => tagOf(group, labTag.lab) === lab.name)
  if (hasOwn && (lab.network === undefined) !== (network.vpc === undefined)) {
    draft.refusals.push('a VPC can be given to, or taken from, a lab that is not there only: `kiln down` comes first.')
  }
  const present = network.vpc?.CidrBlock
  if (lab.network && present !== undefined && present !== lab.network.cidr) {
    draft.refusals.push(`the VPC has the block ${present}, which cannot be changed: \`kiln down\` comes first.`)
  }
  const ipv6 = ipv6BlockOfVpc(network.vpc)
  if (lab.network && ipv6 !== undefined && !lab.network.hasIpv6) {
    draft.refusals.push(`the VPC has the IPv6 block ${ipv6}, which stays: \`kiln down\` comes first.`)
  }
}

function planVpc(draft: PlanDraft, wanted: LabNetwork, { network }: Observed): void {
  const isAttached = (network.internetGateway?.Attachments ?? []).length > 0
  const details = [
    ...(network.vpc ? [] : [{ name: 'cidr', new: wanted.cidr }]),
    ...(wanted.hasIpv6 && ipv6BlockOfVpc(network.vpc) === undefined ? [{ name: 'ipv6', new: 'a block' }] : []),
    ...(wanted.hasInternet && !isAttached ? [{ name: 'internet gateway', new: 'attached' }] : []),
    ...(wanted.hasEgressOnly && !network.egressOnlyGateway
      ? [{ name: 'egress-only internet gateway', new: 'attached' }]
      : []),
  ]
  if (details.length === 0) return
  draft.operations.push({ kind: 'put-vpc', id: operationId.putVpc, network: wanted, after: [] })
  draft.changes.push({ address: vpcAddress, action: network.vpc ? 'update' : 'create', details })
}

function planNatGateways(draft: PlanDraft, { natGateways }: LabNetwork, { network }: Observed): void {
  for (const gateway of natGateways.values()) {
    const address = `natGateways.${gateway.key}`
    const found = network.natGateways.find((record) => tagOf(record, labTag.resource) === address)
    if (found) {
      const subnet = network.subnets.find(({ SubnetId: id }) => id === found.SubnetId)
      const key = subnet && tagOf(subnet, labTag.resource)?.replace(/^subnets\./, '')
      if (key === gateway.subnet && found.ConnectivityType === gateway.connectivityType) continue
      draft.refusals.push(
        `${address} cannot be changed in place: take it out of the manifest first, or call it otherwise.`,
      )
      continue
    }
    draft.operations.push({
      kind: 'put-nat-gateway',
      id: operationId.putNatGateway(address),
      gateway,
      after: [operationId.putSubnet(gateway.subnet), operationId.putVpc],
    })
    draft.changes.push({
      address,
      action: 'create',
      details: [
        { name: 'subnet', new: gateway.subnet },
        { name: 'connectivityType', new: gateway.connectivityType },
      ],
    })
  }
}

/** An elastic address belongs to a place in the lab, whichever instance is there. */
function planAddresses(draft: PlanDraft, lab: Lab, { network }: Observed): void {
  for (const address of elasticPlaces(lab)) {
    const found = network.addresses.find((record) => tagOf(record, labTag.resource) === address)
    const instanceId = draft.known.get(address)
    const isNew = draft.operations.some(({ id }) => id === operationId.launch(address))
    if (found?.InstanceId !== undefined && found.InstanceId === instanceId && !isNew) continue
    draft.operations.push({
      kind: 'put-address',
      id: operationId.putAddress(address),
      address,
      after: [operationId.launch(address), operationId.putVpc],
    })
    if (!isNew) {
      const details = [{ name: 'elasticIp', new: found?.PublicIp ?? 'a new one' }]
      draft.changes.push({ address, action: 'update', ...(instanceId ? { id: instanceId } : {}), details })
    }
  }
}

function elasticPlaces(lab: Lab): string[] {
  return [...lab.instances.values()].flatMap(({ key, count, elasticIp }) =>
    elasticIp ? Array.from({ length: count }, (_, index) => instanceAddress(key, index)) : [],
  )
}

function wantedAddresses(lab: Lab): string[] {
  return [
    ...elasticPlaces(lab),
    ...[...(lab.network?.subnets.keys() ?? [])].map((key) => `subnets.${key}`),
    ...[...(lab.network?.natGateways.keys() ?? [])].map((key) => `natGateways.${key}`),
  ]
}
