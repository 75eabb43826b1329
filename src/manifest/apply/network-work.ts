import { setTimeout as sleep } from 'node:timers/promises'
import { labTag, nameInLab } from '../lab.ts'
import type { LabNatGateway, LabSubnet } from '../lab-network.ts'
import { tagOf } from '../observed.ts'
import {
  ipv6BlockOfSubnet,
  ipv6BlockOfVpc,
  isLabsOwn,
  type ObservedNetwork,
  observeNetwork,
} from '../observed-network.ts'
import type { Work } from '../plan/plan.ts'
import { Interruption } from './execute.ts'
import { numberedBlock } from '../subnet-number.ts'
import { idOf, type Workshop } from './workshop.ts'

const pollIntervalMs = 200

/** Each of these completes what an interrupted run has left: what is there is found again by its tags. */
export async function putVpc(
  workshop: Workshop,
  { network: { cidr, hasIpv6, hasInternet, hasEgressOnly } }: Extract<Work, { kind: 'put-vpc' }>,
): Promise<void> {
  const { call, lab } = workshop
  const { vpc, internetGateway, egressOnlyGateway } = await observeNetwork(call, lab)
  const made =
    vpc ??
    (
      await call('CreateVpc', {
        CidrBlock: cidr,
        AmazonProvidedIpv6CidrBlock: hasIpv6,
        ...tagged(workshop, 'vpc', 'vpc', lab),
      })
    ).Vpc
  const vpcId = made?.VpcId ?? ''
  workshop.ids.set('vpc', vpcId)
  await call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsHostnames: { Value: true } })
  if (hasIpv6 && ipv6BlockOfVpc(made) === undefined) {
    await call('AssociateVpcCidrBlock', { VpcId: vpcId, AmazonProvidedIpv6CidrBlock: true })
  }
  if (hasEgressOnly && !egressOnlyGateway) {
    const tags = tagged(workshop, 'egress-only-internet-gateway', 'vpc', lab)
    await call('CreateEgressOnlyInternetGateway', { VpcId: vpcId, ...tags })
  }
  if (!hasInternet) return
  const gateway =
    internetGateway ??
    (await call('CreateInternetGateway', tagged(workshop, 'internet-gateway', 'vpc', lab))).InternetGateway
  if ((gateway?.Attachments ?? []).length > 0) return
  await call('AttachInternetGateway', { InternetGatewayId: gateway?.InternetGatewayId ?? '', VpcId: vpcId })
}

export async function putSubnet(
  workshop: Workshop,
  { subnet: { key, name, ...wanted }, ipv6Number }: Extract<Work, { kind: 'put-subnet' }>,
): Promise<void> {
  const { call, lab } = workshop
  const address = `subnets.${key}`
  const present = await observeNetwork(call, lab)
  const VpcId = idOf(workshop, 'vpc')
  const found = present.subnets.find((record) => tagOf(record, labTag.resource) === address)
  const Ipv6CidrBlock = ipv6Number === undefined ? undefined : blockOf(present, ipv6Number)
  const subnet =
    found ??
    (
      await call('CreateSubnet', {
        VpcId,
        CidrBlock: wanted.cidr,
        ...(Ipv6CidrBlock === undefined ? {} : { Ipv6CidrBlock }),
        ...tagged(workshop, 'subnet', address, name),
      })
    ).Subnet
  const SubnetId = subnet?.SubnetId ?? ''
  workshop.ids.set(address, SubnetId)
  if (Ipv6CidrBlock !== undefined && ipv6BlockOfSubnet(subnet) === undefined) {
    await call('AssociateSubnetCidrBlock', { SubnetId, Ipv6CidrBlock })
  }
  const { mapPublicIpOnLaunch, assignIpv6 } = wanted
  await call('ModifySubnetAttribute', { SubnetId, MapPublicIpOnLaunch: { Value: mapPublicIpOnLaunch } })
  await call('ModifySubnetAttribute', { SubnetId, AssignIpv6AddressOnCreation: { Value: assignIpv6 } })
  const table =
    present.routeTables.find((record) => tagOf(record, labTag.resource) === address) ??
    (await call('CreateRouteTable', { VpcId, ...tagged(workshop, 'route-table', address, name) })).RouteTable
  if ((table?.Associations ?? []).length > 0) return
  await call('AssociateRouteTable', { SubnetId, RouteTableId: table?.RouteTableId ?? '' })
}

/** The /64 of that number in the lab's VPC. */
function blockOf({ vpc }: ObservedNetwork, number: number): string {
  const block = ipv6BlockOfVpc(vpc)
  if (block === undefined) throw new Error("the lab's VPC has no IPv6 block to have a subnet's of.")
  return numberedBlock(block, number)
}

/** Routes that are not in the manifest go first: their blocks may be those of new ones. */
export async function putRoutes(workshop: Workshop, { key, routes }: LabSubnet): Promise<void> {
  const { call, lab } = workshop
  const { routeTables, internetGateway, egressOnlyGateway, peerings } = await observeNetwork(call, lab)
  const gateways = {
    internet: { GatewayId: internetGateway?.InternetGatewayId ?? '' },
    egressOnly: { EgressOnlyInternetGatewayId: egressOnlyGateway?.EgressOnlyInternetGatewayId ?? '' },
  }
  const table = routeTables.find((record) => tagOf(record, labTag.resource) === `subnets.${key}`)
  const RouteTableId = table?.RouteTableId ?? ''
  const ownPeerings = new Set(peerings.map(({ VpcPeeringConnectionId: id }) => id))
  const present = new Set(
    (table?.Routes ?? [])
      .filter((route) => isLabsOwn(route, (id) => ownPeerings.has(id)))
      .map((route) => route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? ''),
  )
  for (const destination of present) {
    if (!routes.has(destination)) await call('DeleteRoute', { RouteTableId, ...destinationOf(destination) })
  }
  for (const [destination, target] of routes) {
    const isGateway = target === 'internet' || target === 'egressOnly'
    const route = {
      ...{ RouteTableId, ...destinationOf(destination) },
      ...(isGateway ? gateways[target] : carrierOf(workshop, target)),
    }
    await call(present.has(destination) ? 'ReplaceRoute' : 'CreateRoute', route)
  }
}

function destinationOf(block: string): object {
  return block.includes(':') ? { DestinationIpv6CidrBlock: block } : { DestinationCidrBlock: block }
}

function carrierOf(workshop: Workshop, target: string): object {
  const id = idOf(workshop, target)
  if (target.startsWith('peerings.')) return { VpcPeeringConnectionId: id }
  return target.startsWith('natGateways.') ? { NatGatewayId: id } : { InstanceId: id }
}

export async function putNatGateway(workshop: Workshop, gateway: LabNatGateway): Promise<void> {
  const { call } = workshop
  const address = `natGateways.${gateway.key}`
  const isPublic = gateway.connectivityType === 'public'
  const { NatGateway: made } = await call('CreateNatGateway', {
    SubnetId: idOf(workshop, `subnets.${gateway.subnet}`),
    ConnectivityType: gateway.connectivityType,
    ...(isPublic ? { AllocationId: await ensureAddress(workshop, address, gateway.name) } : {}),
    ...tagged(workshop, 'natgateway', address, gateway.name),
  })
  const id = made?.NatGatewayId ?? ''
  workshop.ids.set(address, id)
  await awaitNatGateway(workshop, id, 'available')
}

export async function deleteNatGateway(workshop: Workshop, natGatewayId: string): Promise<void> {
  await workshop.call('DeleteNatGateway', { NatGatewayId: natGatewayId })
  await awaitNatGateway(workshop, natGatewayId, 'deleted')
}

async function awaitNatGateway(workshop: Workshop, id: string, state: string): Promise<void> {
  for (;;) {
    const { NatGateways: found } = await workshop.call('DescribeNatGateways', { NatGatewayIds: [id] })
    const [gateway] = found ?? []
    if (gateway?.State === state) return
    if (gateway?.State === 'failed') throw new Error(`${id} failed: ${gateway.FailureMessage ?? 'no reason is known'}`)
    await pause(workshop)
  }
}

/** The elastic address of a place in the lab stands for the instance that is there, once it runs. */
export async function putAddress(workshop: Workshop, address: string): Promise<void> {
  const { call, lab } = workshop
  const InstanceId = idOf(workshop, address)
  const AllocationId = await ensureAddress(workshop, address, nameInLab(lab, address.replace(/^instances\./, '')))
  for (;;) {
    const { Reservations: reservations } = await call('DescribeInstances', { InstanceIds: [InstanceId] })
    if (reservations?.[0]?.Instances?.[0]?.State?.Name !== 'pending') break
    await pause(workshop)
  }
  await call('AssociateAddress', { AllocationId, InstanceId })
}

async function ensureAddress(workshop: Workshop, address: string, name: string): Promise<string> {
  const { call, lab } = workshop
  const { addresses } = await observeNetwork(call, lab)
  const found = addresses.find((record) => tagOf(record, labTag.resource) === address)
  if (found?.AllocationId) return found.AllocationId
  return (await call('AllocateAddress', tagged(workshop, 'elastic-ip', address, name))).AllocationId ?? ''
}

export async function releaseAddress({ call }: Workshop, allocationId: string): Promise<void> {
  const { Addresses: found } = await call('DescribeAddresses', { AllocationIds: [allocationId] })
  const association = found?.[0]?.AssociationId
  if (association) await call('DisassociateAddress', { AssociationId: association })
  await call('ReleaseAddress', { AllocationId: allocationId })
}

export async function deleteSubnet(
  { call }: Workshop,
  { subnetId, routeTableId }: Extract<Work, { kind: 'delete-subnet' }>,
): Promise<void> {
  await call('DeleteSubnet', { SubnetId: subnetId })
  if (routeTableId) await call('DeleteRouteTable', { RouteTableId: routeTableId })
}

export async function deleteVpc(
  { call }: Workshop,
  { vpcId, internetGatewayId, egressOnlyGatewayId }: Extract<Work, { kind: 'delete-vpc' }>,
): Promise<void> {
  if (egressOnlyGatewayId) {
    await call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId: egressOnlyGatewayId })
  }
  if (internetGatewayId) {
    const { InternetGateways: found } = await call('DescribeInternetGateways', {
      InternetGatewayIds: [internetGatewayId],
    })
    const isAttached = (found?.[0]?.Attachments ?? []).length > 0
    if (isAttached) await call('DetachInternetGateway', { InternetGatewayId: internetGatewayId, VpcId: vpcId })
    await call('DeleteInternetGateway', { InternetGatewayId: internetGatewayId })
  }
  await call('DeleteVpc', { VpcId: vpcId })
}

type TaggedKind =
  | ('vpc' | 'subnet' | 'route-table' | 'internet-gateway' | 'egress-only-internet-gateway')
  | ('natgateway' | 'elastic-ip' | 'vpc-peering-connection')

/** Tags of something that is made, by which the lab finds it again. */
export function tagged<Type extends TaggedKind>({ lab }: Workshop, ResourceType: Type, address: string, name: string) {
  const Tags = [
    { Key: 'Name', Value: name },
    { Key: labTag.lab, Value: lab },
    { Key: labTag.resource, Value: address },
  ]
  return { TagSpecifications: [{ ResourceType, Tags }] }
}

async function pause({ signal }: Workshop): Promise<void> {
  await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined)
  if (signal.aborted) throw new Interruption('interrupted while it waited')
}
