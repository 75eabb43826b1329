import { forgetVpc } from '../dns-zone/change-zone.ts'
import type { Domain } from '../domain.ts'
import { dependencyViolation, missingParameter } from '../errors.ts'
import { forgetFlowLogsOf } from '../flow-log/delete-flow-logs.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne } from '../ids.ts'
import { formatIpv4Block } from '../ipv4.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { isMainTable } from '../route-table/route-table.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { peeringsOfVpc, peeringStateAt } from '../vpc-peering/vpc-peering.ts'
import { readVpcBlock } from './cidr-rule.ts'
import { describeVpc } from './describe-vpcs.ts'
import { wantsAmazonBlock } from './ipv6-rule.ts'
import { insertVpc } from './new-vpc.ts'
import type { VpcRecord } from './vpc.ts'
import { addIpv6Block } from './vpc-cidr.ts'

const operation = 'CreateVpc'

/** CreateVpc: a network of its own, whatever blocks other VPCs have. Its namespace is made with its first machine. */
export function createVpc(domain: Domain): Ec2Mutation<'CreateVpc'> {
  const { store, settings } = domain
  return {
    kind: 'mutation',
    parameters: [
      'CidrBlock',
      'InstanceTenancy',
      'AmazonProvidedIpv6CidrBlock',
      'Ipv6CidrBlockNetworkBorderGroup',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      requireOneOf(operation, 'InstanceTenancy', input.InstanceTenancy, ['default', 'dedicated'])
      const hasIpv6 = wantsAmazonBlock(input, context.region)
      if (!input.CidrBlock) throw missingParameter('cidrBlock')
      const cidr = formatIpv4Block(readVpcBlock(input.CidrBlock))
      const tags = readTagSpecifications(input.TagSpecifications, ['vpc']).get('vpc') ?? []
      requireQuota(settings.quotas, 'vpcs', { present: store.vpcs.count(context), code: 'VpcLimitExceeded' })
      const tenancy = input.InstanceTenancy === 'dedicated' ? 'dedicated' : 'default'
      const vpc = insertVpc(domain, context, { cidr, isDefault: false, tenancy })
      if (hasIpv6) addIpv6Block(domain, vpc)
      putTags(store, context, vpc.id, 'vpc', tags)
      return { Vpc: describeVpc(store, store.vpcs.find(vpc.id) ?? vpc) }
    },
  }
}

/** DeleteVpc: what EC2 made along with it goes too; whatever else is in it must have gone before. */
export function deleteVpc({ store, networks }: Domain): Ec2Mutation<'DeleteVpc'> {
  return {
    kind: 'mutation',
    parameters: ['VpcId'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const groups = store.securityGroups.listBy('vpcId', vpc.id)
      const tables = store.routeTables.listBy('vpcId', vpc.id)
      if (isInUse(store, vpc) || isPeered(store, vpc, context.now)) {
        throw dependencyViolation(`The vpc '${vpc.id}' has dependencies and cannot be deleted.`)
      }
      for (const { id } of tables) {
        store.routeTables.remove(id)
        store.tags.removeAll(id)
      }
      for (const { id } of store.networkAcls.listBy('vpcId', vpc.id)) {
        store.networkAcls.remove(id)
        store.tags.removeAll(id)
      }
      for (const { id, rules } of groups) {
        store.securityGroups.remove(id)
        for (const owner of [id, ...rules.map((rule) => rule.id)]) store.tags.removeAll(owner)
      }
      failRequestsTo(store, vpc, context.now)
      forgetVpc(store, vpc.id)
      store.vpcs.remove(vpc.id)
      forgetFlowLogsOf(store, vpc.id)
      store.tags.removeAll(vpc.id)
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return {}
    },
  }
}

/** Somebody else's request to be joined with it is no reason to keep a VPC. */
function isPeered(store: Store, { id }: VpcRecord, now: Date): boolean {
  return peeringsOfVpc(store, id).some((peering) => {
    const state = peeringStateAt(peering, now)
    return state === 'active' || (state === 'pending-acceptance' && peering.requester.vpcId === id)
  })
}

function failRequestsTo(store: Store, { id }: VpcRecord, now: Date): void {
  for (const peering of store.peerings.listBy('accepter.vpcId', id)) {
    if (peeringStateAt(peering, now) !== 'pending-acceptance') continue
    store.peerings.replace({ ...peering, state: 'failed', endedAt: now.toISOString() })
  }
}

function isInUse(store: Store, { id }: VpcRecord): boolean {
  return (
    store.subnets.countBy('vpcId', id) > 0 ||
    store.interfaces.countBy('vpcId', id) > 0 ||
    store.internetGateways.countBy('vpcId', id) > 0 ||
    store.egressOnlyGateways.countBy('vpcId', id) > 0 ||
    store.securityGroups.listBy('vpcId', id).some(({ name }) => name !== 'default') ||
    store.networkAcls.listBy('vpcId', id).some(({ isDefault }) => !isDefault) ||
    store.routeTables.listBy('vpcId', id).some((table) => !isMainTable(table))
  )
}
