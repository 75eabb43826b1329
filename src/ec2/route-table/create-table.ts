import type { Domain } from '../domain.ts'
import { dependencyViolation } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeTable } from './describe-tables.ts'
import type { RouteTableRecord } from './route-table.ts'

/** CreateRouteTable: it has the local route alone. */
export function createRouteTable({ store, random, settings }: Domain): Ec2Mutation<'CreateRouteTable'> {
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, ['route-table']).get('route-table') ?? []
      const present = store.routeTables.countBy('vpcId', vpc.id)
      requireQuota(settings.quotas, 'routeTablesPerVpc', { present, code: 'RouteTableLimitExceeded' })
      const { accountId, region } = context
      const id = newId('rtb', random)
      const table: RouteTableRecord = { accountId, region, id, vpcId: vpc.id, routes: [], associations: [] }
      store.routeTables.insert(table)
      putTags(store, context, id, 'route-table', tags)
      return {
        RouteTable: describeTable(store, table),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}

/** DeleteRouteTable: refused while a subnet uses it, and for the main table. */
export function deleteRouteTable({ store }: Domain): Ec2Mutation<'DeleteRouteTable'> {
  return {
    kind: 'mutation',
    parameters: ['RouteTableId'],
    apply: (context, input) => {
      const table = findOne('rtb', input.RouteTableId ?? '', (id) => store.routeTables.get(context, id))
      if (table.associations.length > 0) {
        throw dependencyViolation(`The routeTable '${table.id}' has dependencies and cannot be deleted.`)
      }
      store.routeTables.remove(table.id)
      store.tags.removeAll(table.id)
      return {}
    },
  }
}
