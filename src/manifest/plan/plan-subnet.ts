import { labTag } from '../lab.ts'
import type { LabNetwork, LabSubnet } from '../lab-network.ts'
import { type Observed, tagOf } from '../observed.ts'
import { ipv6BlockOfSubnet, ipv6BlockOfVpc, isLabsOwn, type ObservedNetwork } from '../observed-network.ts'
import { lowestFreeNumber, numberedBlock, numberOfBlock } from '../subnet-number.ts'
import { type Detail, operationId, type PlanDraft } from './plan.ts'

type Routes = NonNullable<ObservedNetwork['routeTables'][number]['Routes']>

/**
 * The numbers of the IPv6 blocks of a lab's subnets, by their keys: what they have already, what the manifest says, and for the others
 * the lowest that are free, in their order.
 */
export function chooseNumbers({ subnets }: LabNetwork, { network }: Observed): Map<string, number> {
  const vpcBlock = ipv6BlockOfVpc(network.vpc)
  const present = network.subnets.flatMap((record) => {
    const block = ipv6BlockOfSubnet(record)
    const number = vpcBlock === undefined || block === undefined ? undefined : numberOfBlock(vpcBlock, block)
    const key = tagOf(record, labTag.resource)?.replace(/^subnets\./, '') ?? ''
    return number === undefined ? [] : [[key, number] as const]
  })
  const chosen = new Map<string, number>(present)
  for (const { key, ipv6 } of subnets.values()) if (typeof ipv6 === 'number') chosen.set(key, ipv6)
  const taken = new Set([...chosen.values(), ...present.map(([, number]) => number)])
  for (const { key, ipv6 } of subnets.values()) {
    const number = ipv6 === true && !chosen.has(key) ? lowestFreeNumber(taken) : undefined
    if (number === undefined) continue
    chosen.set(key, number)
    taken.add(number)
  }
  return chosen
}

/** Plans a subnet of a lab with its route table. `ipv6Number` is that of the /64 which it gets where it has none. */
export function planSubnet(
  draft: PlanDraft,
  subnet: LabSubnet,
  { network }: Observed,
  ipv6Number: number | undefined,
): void {
  const { key, cidr, ipv6, assignIpv6, mapPublicIpOnLaunch } = subnet
  const address = `subnets.${key}`
  const found = network.subnets.find((record) => tagOf(record, labTag.resource) === address)
  const table = network.routeTables.find((record) => tagOf(record, labTag.resource) === address)
  refuseOtherBlocks(draft, subnet, found, network)
  const needsIpv6 = ipv6 !== undefined && ipv6BlockOfSubnet(found) === undefined
  if (needsIpv6 && ipv6Number === undefined) {
    draft.refusals.push(`no /64 of the VPC's IPv6 block is left for ${address}.`)
  }
  const wasMapped = found?.MapPublicIpOnLaunch ?? false
  const wasAssigning = found?.AssignIpv6AddressOnCreation ?? false
  const isAsWanted = wasMapped === mapPublicIpOnLaunch && wasAssigning === assignIpv6 && !needsIpv6
  const isComplete = found && (table?.Associations ?? []).length > 0 && isAsWanted
  if (!isComplete) {
    draft.operations.push({
      ...{ kind: 'put-subnet', id: operationId.putSubnet(key), subnet, after: [operationId.putVpc] },
      ...(needsIpv6 && ipv6Number !== undefined ? { ipv6Number } : {}),
    })
  }
  const routeDetails = planRoutes(draft, subnet, found && table?.Routes)
  const details = [
    ...(found ? [] : [{ name: 'cidr', new: cidr }]),
    ...(needsIpv6 ? [{ name: 'ipv6', new: `the /64 of number ${ipv6Number}` }] : []),
    ...(wasAssigning === assignIpv6
      ? []
      : [{ name: 'assignIpv6', old: String(wasAssigning), new: String(assignIpv6) }]),
    ...(wasMapped === mapPublicIpOnLaunch
      ? []
      : [{ name: 'mapPublicIpOnLaunch', old: String(wasMapped), new: String(mapPublicIpOnLaunch) }]),
    ...routeDetails,
  ]
  if (!isComplete || routeDetails.length > 0) {
    draft.changes.push({ address, action: found ? 'update' : 'create', details })
  }
  if (found) draft.known.set(address, found.SubnetId ?? '')
}

function refuseOtherBlocks(
  { refusals }: PlanDraft,
  { key, cidr, ipv6 }: LabSubnet,
  found: ObservedNetwork['subnets'][number] | undefined,
  { vpc }: ObservedNetwork,
): void {
  const refuse = (block: string) =>
    refusals.push(
      `subnets.${key} has the ${block}, which cannot be changed: take it out of the manifest first, or call it otherwise.`,
    )
  if (found && found.CidrBlock !== cidr) refuse(`block ${found.CidrBlock}`)
  const presentIpv6 = ipv6BlockOfSubnet(found)
  const vpcIpv6 = ipv6BlockOfVpc(vpc)
  const isOtherBlock = typeof ipv6 === 'number' && vpcIpv6 !== undefined && presentIpv6 !== numberedBlock(vpcIpv6, ipv6)
  if (presentIpv6 !== undefined && (ipv6 === undefined || isOtherBlock)) refuse(`IPv6 block ${presentIpv6}`)
}

/** Answers what changes of them. */
function planRoutes(draft: PlanDraft, subnet: LabSubnet, found: Routes = []): Detail[] {
  const { key, routes } = subnet
  const present = presentRoutes(found, draft)
  const details = [...new Set([...present.keys(), ...routes.keys()])].flatMap((destination): Detail[] => {
    const [old, wanted] = [present.get(destination), routes.get(destination)]
    const isNew = draft.operations.some(({ id }) => id === operationId.launch(wanted ?? ''))
    if (old === wanted && !isNew) return []
    return [{ name: `route ${destination}`, ...(old ? { old } : {}), ...(wanted ? { new: wanted } : {}) }]
  })
  if (details.length === 0) return []
  const targets = [...routes.values()]
  draft.operations.push({
    kind: 'put-routes',
    id: operationId.putRoutes(key),
    subnet,
    after: [
      operationId.putSubnet(key),
      ...targets.map((target) => operationId.putNatGateway(target)),
      ...targets.map((target) => operationId.putPeering(target)),
      ...targets.map((target) => operationId.launch(target)),
    ],
  })
  return details
}

/** By destination the targets, as a manifest calls them; what it cannot name by its id. */
function presentRoutes(routes: Routes, { known }: PlanDraft): Map<string, string> {
  const addresses = new Map([...known].map(([address, id]) => [id, address]))
  return new Map(
    routes
      .filter((route) => isLabsOwn(route, (id) => addresses.has(id)))
      .map(({ GatewayId: gateway, EgressOnlyInternetGatewayId: egressOnly, NatGatewayId: nat, ...rest }) => {
        const destination = rest.DestinationCidrBlock ?? rest.DestinationIpv6CidrBlock ?? ''
        if (gateway !== undefined) return [destination, 'internet']
        if (egressOnly !== undefined) return [destination, 'egressOnly']
        const id = nat ?? rest.VpcPeeringConnectionId ?? rest.InstanceId ?? rest.NetworkInterfaceId ?? ''
        return [destination, addresses.get(id) ?? id]
      }),
  )
}
