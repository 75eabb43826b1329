import { labTag } from '../lab.ts'
import { type Observed, tagOf } from '../observed.ts'
import { removePeerings } from './plan-peering.ts'
import { type Change, type Operation, operationId, type PlanDraft, vpcAddress } from './plan.ts'

/** Plans that all of a lab's network goes. */
export function planNetworkRemoval(draft: PlanDraft, { network }: Observed): void {
  removePeerings(draft, network)
  removeNetwork(draft, { ...network, isVpcGone: network.vpc !== undefined })
}

/** Subnets go after whatever is in them, the VPC last of all. */
export function orderNetworkRemovals(operations: readonly Operation[]): Operation[] {
  const idsOf = (...kinds: readonly Operation['kind'][]) =>
    operations.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id)
  const ofSubnets = idsOf('terminate-instance', 'delete-nat-gateway')
  const ofVpc = [
    ...ofSubnets,
    ...idsOf('delete-subnet', 'delete-peering', 'delete-group', 'delete-zone', 'release-address'),
  ]
  return operations.map((operation) => {
    if (operation.kind === 'delete-subnet') return { ...operation, after: [...operation.after, ...ofSubnets] }
    if (operation.kind === 'delete-vpc') return { ...operation, after: [...operation.after, ...ofVpc] }
    if (operation.kind !== 'release-address') return operation
    return { ...operation, after: [...operation.after, ...ofSubnets] }
  })
}

/** Plans that parts of a lab's network go. */
export function removeNetwork(draft: PlanDraft, gone: Observed['network'] & { readonly isVpcGone: boolean }): void {
  const note = (address: string, id: string) => {
    const change: Change = { address, action: 'delete', id, details: [] }
    draft.changes.push(change)
  }
  for (const record of gone.natGateways) {
    const { NatGatewayId: natGatewayId = '' } = record
    note(tagOf(record, labTag.resource) ?? '', natGatewayId)
    draft.operations.push({
      kind: 'delete-nat-gateway',
      id: operationId.deleteNatGateway(natGatewayId),
      natGatewayId,
      after: [],
    })
  }
  for (const record of gone.addresses) {
    const { AllocationId: allocationId = '', PublicIp: publicIp = '' } = record
    const place = tagOf(record, labTag.resource) ?? ''
    // A gateway's goes with it, and an instance's with it or with the wish for it.
    if (!draft.changes.some(({ address, action }) => address === place && action === 'delete')) {
      draft.changes.push({ address: place, action: 'update', details: [{ name: 'elasticIp', old: publicIp }] })
    }
    draft.operations.push({
      kind: 'release-address',
      id: operationId.releaseAddress(allocationId),
      allocationId,
      after: [],
    })
  }
  for (const record of gone.subnets) {
    const { SubnetId: subnetId = '' } = record
    const address = tagOf(record, labTag.resource) ?? ''
    const table = gone.routeTables.find((candidate) => tagOf(candidate, labTag.resource) === address)
    note(address, subnetId)
    draft.operations.push({
      kind: 'delete-subnet',
      id: operationId.deleteSubnet(subnetId),
      subnetId,
      ...(table?.RouteTableId ? { routeTableId: table.RouteTableId } : {}),
      after: [],
    })
  }
  if (!gone.isVpcGone) return
  const egressOnlyGatewayId = gone.egressOnlyGateway?.EgressOnlyInternetGatewayId
  const vpcId = gone.vpc?.VpcId ?? ''
  note(vpcAddress, vpcId)
  draft.operations.push({
    kind: 'delete-vpc',
    id: operationId.deleteVpc,
    vpcId,
    ...(gone.internetGateway?.InternetGatewayId ? { internetGatewayId: gone.internetGateway.InternetGatewayId } : {}),
    ...(egressOnlyGatewayId ? { egressOnlyGatewayId } : {}),
    after: [],
  })
}
