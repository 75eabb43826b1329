import type { Domain } from '../domain.ts'
import { removeInterface } from '../network-interface/remove-interface.ts'
import type { Ec2Mutation } from '../operation.ts'
import { findConnectEndpoint, isConnectEndpointThere, settleConnectEndpoint } from './connect-endpoint.ts'
import { describeConnectEndpoint } from './describe-endpoints.ts'

/** DeleteInstanceConnectEndpoint: its address leaves the VPC, and with it what stands through it. */
export function deleteInstanceConnectEndpoint(domain: Domain): Ec2Mutation<'DeleteInstanceConnectEndpoint'> {
  const { store, clock, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['InstanceConnectEndpointId'],
    apply: (context, input) => {
      const endpoint = findConnectEndpoint(store, context, input.InstanceConnectEndpointId)
      if (!isConnectEndpointThere(endpoint))
        return { InstanceConnectEndpoint: describeConnectEndpoint(store, endpoint) }
      const networkInterface = store.interfaces.find(endpoint.interfaceId)
      if (networkInterface) removeInterface(store, networkInterface)
      const deleting = { ...endpoint, state: 'delete-in-progress' } as const
      store.connectEndpoints.replace(deleting)
      const settle = () => store.transaction(() => settleConnectEndpoint(store, endpoint.id, clock.now()))
      context.afterCommit(() => void networks.refresh(endpoint.vpcId).then(settle, settle))
      return { InstanceConnectEndpoint: describeConnectEndpoint(store, deleting) }
    },
  }
}
