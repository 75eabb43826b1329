import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import { addressesOf } from '../network-interface/network-interface.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { VpcRecord } from '../vpc/vpc.ts'
import { findInternetGateway, type InternetGatewayRecord } from './internet-gateway.ts'

/** AttachInternetGateway: routes that lead to it become active. */
export function attachInternetGateway(domain: Domain): Ec2Mutation<'AttachInternetGateway'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['InternetGatewayId', 'VpcId'],
    apply: (context, input) => {
      const { gateway, vpc } = findBoth(domain, context, input)
      if (gateway.vpcId) {
        throw new Ec2Error(
          'Resource.AlreadyAssociated',
          `resource ${gateway.id} is already attached to network ${gateway.vpcId}`,
        )
      }
      if (store.internetGateways.countBy('vpcId', vpc.id) > 0) {
        throw new Ec2Error('InvalidParameterValue', `Network ${vpc.id} already has an internet gateway attached`)
      }
      store.internetGateways.replace({ ...gateway, vpcId: vpc.id })
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return {}
    },
  }
}

/** DetachInternetGateway: routes to it become blackholes. Refused while an interface of the VPC has a public address. */
export function detachInternetGateway(domain: Domain): Ec2Mutation<'DetachInternetGateway'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['InternetGatewayId', 'VpcId'],
    apply: (context, input) => {
      const { gateway, vpc } = findBoth(domain, context, input)
      if (gateway.vpcId !== vpc.id) {
        throw new Ec2Error('Gateway.NotAttached', `resource ${gateway.id} is not attached to network ${vpc.id}`)
      }
      const interfaces = store.interfaces.listBy('vpcId', vpc.id)
      if (interfaces.some((record) => addressesOf(record).some(({ publicIp }) => publicIp !== undefined))) {
        throw dependencyViolation(
          `Network ${vpc.id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
        )
      }
      const { vpcId: _vpcId, ...detached } = gateway
      store.internetGateways.replace(detached)
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return {}
    },
  }
}

function findBoth(
  { store }: Domain,
  context: MutationContext,
  input: { InternetGatewayId?: string | undefined; VpcId?: string | undefined },
): { gateway: InternetGatewayRecord; vpc: VpcRecord } {
  return {
    gateway: findInternetGateway(store, context, input.InternetGatewayId),
    vpc: findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id)),
  }
}
