import type { Domain } from '../domain.ts'
import { removeInterface } from '../network-interface/remove-interface.ts'
import type { Ec2Mutation } from '../operation.ts'
import { carriesPackets, findNatGateway, settleNatGateway } from './nat-gateway.ts'

/** DeleteNatGateway: its connections end, routes to it become blackholes, its elastic address stays allocated. */
export function deleteNatGateway({ store, clock, networks }: Domain): Ec2Mutation<'DeleteNatGateway'> {
  return {
    kind: 'mutation',
    parameters: ['NatGatewayId'],
    apply: (context, input) => {
      const gateway = findNatGateway(store, context, input.NatGatewayId)
      const { id, vpcId, interfaceId } = gateway
      if (!carriesPackets(gateway)) return { NatGatewayId: id }
      const networkInterface = store.interfaces.find(interfaceId)
      if (networkInterface) removeInterface(store, networkInterface)
      store.natGateways.replace({ ...gateway, state: 'deleting' })
      const settle = () => store.transaction(() => settleNatGateway(store, id, clock.now()))
      context.afterCommit(() => void networks.refresh(vpcId).then(settle, settle))
      return { NatGatewayId: id }
    },
  }
}
