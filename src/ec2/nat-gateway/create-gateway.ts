import type { CreateNatGatewayRequest } from '@aws-sdk/client-ec2'
import type { AddressRecord } from '../address/address.ts'
import { bindAddress } from '../address/association.ts'
import { findAddress } from '../address/find-address.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne, newId } from '../ids.ts'
import { draftInterface } from '../network-interface/interface-draft.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeNatGateway } from './describe-gateways.ts'
import { type NatGatewayRecord, settleNatGateway } from './nat-gateway.ts'

const operation = 'CreateNatGateway'

/** CreateNatGateway: routes may lead to it at once. A public one in a VPC without an internet gateway fails, as on EC2. */
export function createNatGateway(domain: Domain): Ec2Mutation<'CreateNatGateway'> {
  const { store, random, clock, networks } = domain
  return {
    kind: 'mutation',
    parameters: [
      'SubnetId',
      'AllocationId',
      'ConnectivityType',
      'PrivateIpAddress',
      'AvailabilityMode',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      requireOneOf(operation, 'AvailabilityMode', input.AvailabilityMode, ['zonal'])
      requireOneOf(operation, 'ConnectivityType', input.ConnectivityType, ['public', 'private'])
      if (!input.SubnetId) throw missingParameter('subnetId')
      const subnet = findOne('subnet', input.SubnetId, (id) => store.subnets.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, ['natgateway']).get('natgateway') ?? []
      const address = readAddress(domain, context, input)
      requireRoom(domain, subnet)
      const id = newId('nat', random)
      const gateway = make(domain, { id, subnet, address, createTime: context.now.toISOString() }, input)
      store.natGateways.insert(gateway)
      putTags(store, context, id, 'natgateway', tags)
      const settle = () => store.transaction(() => settleNatGateway(store, id, clock.now()))
      // Packets that cannot be brought about now are tried for again by the network itself.
      context.afterCommit(() => void networks.refresh(subnet.vpcId).then(settle, settle))
      return {
        NatGateway: describeNatGateway(store, { ...gateway, state: 'pending' }),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}

function readAddress(
  { store }: Domain,
  context: MutationContext,
  { ConnectivityType: type = 'public', AllocationId: allocationId }: CreateNatGatewayRequest,
): AddressRecord | undefined {
  if (type === 'private') {
    if (!allocationId) return undefined
    throw new Ec2Error('InvalidParameter', 'A private NAT gateway has no AllocationId')
  }
  if (!allocationId) throw missingParameter('allocationId')
  const address = findAddress(store, context, { AllocationId: allocationId })
  if (address?.association) {
    throw new Ec2Error(
      'Resource.AlreadyAssociated',
      `Elastic IP address [${allocationId}] is already associated with ${address.association.interfaceId}`,
    )
  }
  return address
}

function requireRoom({ store, settings }: Domain, subnet: SubnetRecord): void {
  const inZone = store.natGateways.list(subnet).filter(({ state, subnetId }) => {
    const zone = store.subnets.find(subnetId)?.availabilityZone
    return state !== 'deleted' && state !== 'failed' && zone === subnet.availabilityZone
  })
  requireQuota(settings.quotas, 'natGatewaysPerZone', { present: inZone.length, code: 'NatGatewayLimitExceeded' })
}

interface NewGateway {
  readonly id: string
  readonly subnet: SubnetRecord
  /** Of a public one. */
  readonly address: AddressRecord | undefined
  readonly createTime: string
}

/** The gateway with its interface, which holds its private address in the subnet. */
function make(
  domain: Domain,
  { id, subnet, address, createTime }: NewGateway,
  { PrivateIpAddress: privateIp }: CreateNatGatewayRequest,
): NatGatewayRecord {
  const { store } = domain
  const drafted = draftInterface(domain, subnet, {
    addresses: { ...(privateIp ? { primary: privateIp } : {}), secondary: [], secondaryCount: 0 },
    groupIds: [],
    description: `Interface for NAT Gateway ${id}`,
  })
  const gateway: NatGatewayRecord = {
    accountId: subnet.accountId,
    region: subnet.region,
    id,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    connectivity: address ? 'public' : 'private',
    state: 'pending',
    interfaceId: drafted.id,
    privateIp: drafted.privateIp,
    createTime,
  }
  if (address && store.internetGateways.countBy('vpcId', subnet.vpcId) === 0) {
    const message = `Network ${subnet.vpcId} has no Internet gateway attached`
    return { ...gateway, state: 'failed', deleteTime: createTime, failure: { code: 'Gateway.NotAttached', message } }
  }
  const record = { ...drafted, hasSourceDestCheck: false, natGatewayId: id }
  store.interfaces.insert(record)
  if (!address) return gateway
  const associationId = bindAddress(domain, address, record, record.privateIp)
  return { ...gateway, elasticIp: { allocationId: address.id, associationId, publicIp: address.publicIp } }
}
