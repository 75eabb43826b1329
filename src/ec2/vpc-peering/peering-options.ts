import type { PeeringConnectionOptionsRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { givesPublicNames } from '../vpc/vpc.ts'
import { describeOptions } from './describe-peerings.ts'
import { refreshBoth } from './peering-change.ts'
import { findPeering, type PeeringRecord, type PeeringRole, type PeeringSide, rolesOf } from './vpc-peering.ts'

const operation = 'ModifyVpcPeeringConnectionOptions'

/** ModifyVpcPeeringConnectionOptions: each owner, in its region, changes its own side. */
export function modifyVpcPeeringConnectionOptions(domain: Domain): Ec2Mutation<'ModifyVpcPeeringConnectionOptions'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['VpcPeeringConnectionId', 'AccepterPeeringConnectionOptions', 'RequesterPeeringConnectionOptions'],
    apply: (context, input) => {
      const peering = findPeering(store, context, input.VpcPeeringConnectionId)
      if (peering.state !== 'active') {
        throw new Ec2Error(
          'OperationNotPermitted',
          `Peering ${peering.id} is not active. Peering options can be added only to active peerings.`,
        )
      }
      const requests = {
        requester: input.RequesterPeeringConnectionOptions,
        accepter: input.AccepterPeeringConnectionOptions,
      }
      let changed: PeeringRecord = peering
      for (const role of ['requester', 'accepter'] as const) {
        const request = requests[role]
        if (!request) continue
        if (!rolesOf(peering, context).includes(role)) {
          const { accountId, region } = context
          throw new Ec2Error(
            'OperationNotPermitted',
            `User ${accountId} in ${region} cannot modify the ${role} options of peering ${peering.id}: its owner does, in ${peering[role].region}`,
          )
        }
        changed = { ...changed, [role]: changeSide(store, role, peering[role], request) }
      }
      store.peerings.replace(changed)
      refreshBoth(domain, context, changed)
      return {
        ...(requests.requester
          ? { RequesterPeeringConnectionOptions: describeOptions(changed.requester.allowsRemoteDns) }
          : {}),
        ...(requests.accepter
          ? { AccepterPeeringConnectionOptions: describeOptions(changed.accepter.allowsRemoteDns) }
          : {}),
      }
    },
  }
}

function changeSide(
  store: Store,
  role: PeeringRole,
  side: PeeringSide,
  request: PeeringConnectionOptionsRequest,
): PeeringSide {
  const path = role === 'requester' ? 'RequesterPeeringConnectionOptions' : 'AccepterPeeringConnectionOptions'
  // EC2-Classic has been retired.
  for (const name of [
    'AllowEgressFromLocalClassicLinkToRemoteVpc',
    'AllowEgressFromLocalVpcToRemoteClassicLink',
  ] as const) {
    requireOneOf(operation, `${path}.${name}`, request[name], [false])
  }
  const allowsRemoteDns = request.AllowDnsResolutionFromRemoteVpc ?? side.allowsRemoteDns
  const vpc = store.vpcs.find(side.vpcId)
  if (allowsRemoteDns && vpc && !givesPublicNames(vpc)) {
    throw new Ec2Error(
      'InvalidVpcPeeringConnectionState.DnsHostnamesDisabled',
      `DNS hostnames and DNS resolution must be enabled in ${vpc.id}: see ModifyVpcAttribute.`,
    )
  }
  return { ...side, allowsRemoteDns }
}
