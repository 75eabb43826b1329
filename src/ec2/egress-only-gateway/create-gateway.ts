import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeGateway } from './describe-gateways.ts'
import type { EgressOnlyGatewayRecord } from './egress-only-gateway.ts'

/** CreateEgressOnlyInternetGateway: attached to its VPC at once, and for ever. A VPC has one at most ("Amazon VPC quotas"). */
export function createEgressOnlyInternetGateway(domain: Domain): Ec2Mutation<'CreateEgressOnlyInternetGateway'> {
  const { store, random, settings } = domain
  const kind = 'egress-only-internet-gateway'
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      if (!input.VpcId) throw missingParameter('vpcId')
      const vpc = findOne('vpc', input.VpcId, (id) => store.vpcs.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, [kind]).get(kind) ?? []
      if (store.egressOnlyGateways.countBy('vpcId', vpc.id) > 0) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Network ${vpc.id} already has an egress-only internet gateway attached`,
        )
      }
      requireQuota(settings.quotas, 'egressOnlyGateways', {
        present: store.egressOnlyGateways.count(context),
        code: 'EgressOnlyInternetGatewayLimitExceeded',
      })
      const { accountId, region } = context
      const gateway: EgressOnlyGatewayRecord = { accountId, region, id: newId('eigw', random), vpcId: vpc.id }
      store.egressOnlyGateways.insert(gateway)
      putTags(store, context, gateway.id, kind, tags)
      return {
        EgressOnlyInternetGateway: describeGateway(store, gateway),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}

/** DeleteEgressOnlyInternetGateway: routes to it become blackholes. */
export function deleteEgressOnlyInternetGateway(domain: Domain): Ec2Mutation<'DeleteEgressOnlyInternetGateway'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['EgressOnlyInternetGatewayId'],
    apply: (context, input) => {
      const { id, vpcId } = findOne('eigw', input.EgressOnlyInternetGatewayId ?? '', (known) =>
        store.egressOnlyGateways.get(context, known),
      )
      store.egressOnlyGateways.remove(id)
      store.tags.removeAll(id)
      context.afterCommit(() => networks.refreshSoon(vpcId))
      return { ReturnCode: true }
    },
  }
}
