import type { Domain } from '../domain.ts'
import { dependencyViolation } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeGateway } from './describe-gateways.ts'
import { findInternetGateway } from './internet-gateway.ts'

/** CreateInternetGateway: attached to nothing yet. */
export function createInternetGateway({ store, random, settings }: Domain): Ec2Mutation<'CreateInternetGateway'> {
  return {
    kind: 'mutation',
    parameters: ['TagSpecifications'],
    apply: (context, input) => {
      const tags = readTagSpecifications(input.TagSpecifications, ['internet-gateway']).get('internet-gateway') ?? []
      const present = store.internetGateways.count(context)
      requireQuota(settings.quotas, 'internetGateways', { present, code: 'InternetGatewayLimitExceeded' })
      const { accountId, region } = context
      const gateway = { accountId, region, id: newId('igw', random) }
      store.internetGateways.insert(gateway)
      putTags(store, context, gateway.id, 'internet-gateway', tags)
      return { InternetGateway: describeGateway(store, gateway) }
    },
  }
}

/** DeleteInternetGateway: it must have been detached. */
export function deleteInternetGateway({ store }: Domain): Ec2Mutation<'DeleteInternetGateway'> {
  return {
    kind: 'mutation',
    parameters: ['InternetGatewayId'],
    apply: (context, input) => {
      const gateway = findInternetGateway(store, context, input.InternetGatewayId)
      if (gateway.vpcId) {
        throw dependencyViolation(`The internetGateway '${gateway.id}' has dependencies and cannot be deleted.`)
      }
      store.internetGateways.remove(gateway.id)
      store.tags.removeAll(gateway.id)
      return {}
    },
  }
}
