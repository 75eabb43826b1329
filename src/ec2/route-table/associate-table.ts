import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findOne, idNotFound, newId, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { RouteTableAssociation, RouteTableRecord } from './route-table.ts'

const associated = { State: 'associated' as const }

/** AssociateRouteTable: the subnet uses this table in the place of the main one. */
export function associateRouteTable({ store, random, networks }: Domain): Ec2Mutation<'AssociateRouteTable'> {
  return {
    kind: 'mutation',
    parameters: ['RouteTableId', 'SubnetId'],
    apply: (context, input) => {
      const table = findOne('rtb', input.RouteTableId ?? '', (id) => store.routeTables.get(context, id))
      if (!input.SubnetId) throw missingParameter('SubnetId')
      const subnet = findOne('subnet', input.SubnetId, (id) => store.subnets.get(context, id))
      if (subnet.vpcId !== table.vpcId) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Route table ${table.id} and subnet ${subnet.id} belong to different networks`,
        )
      }
      if (store.routeTables.countBy('associations[].subnetId', subnet.id) > 0) {
        throw new Ec2Error(
          'Resource.AlreadyAssociated',
          `the specified association for route table ${table.id} conflicts with an existing association`,
        )
      }
      const id = newId('rtbassoc', random)
      const associations = [...table.associations, { id, subnetId: subnet.id }]
      store.routeTables.replace({ ...table, associations })
      context.afterCommit(() => networks.refreshSoon(table.vpcId))
      return { AssociationId: id, AssociationState: associated }
    },
  }
}

/** DisassociateRouteTable: the subnet uses the main table again. */
export function disassociateRouteTable(domain: Domain): Ec2Mutation<'DisassociateRouteTable'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['AssociationId'],
    apply: (context, input) => {
      const { table, association } = findAssociation(domain, context, input.AssociationId)
      if (association.subnetId === undefined) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `cannot disassociate the main route table association ${association.id}`,
        )
      }
      store.routeTables.replace(withoutAssociation(table, association.id))
      context.afterCommit(() => networks.refreshSoon(table.vpcId))
      return {}
    },
  }
}

/** ReplaceRouteTableAssociation: another table for the subnet, or another main table. */
export function replaceRouteTableAssociation(domain: Domain): Ec2Mutation<'ReplaceRouteTableAssociation'> {
  const { store, random, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['AssociationId', 'RouteTableId'],
    apply: (context, input) => {
      const { table: former, association } = findAssociation(domain, context, input.AssociationId)
      const table = findOne('rtb', input.RouteTableId ?? '', (id) => store.routeTables.get(context, id))
      if (table.vpcId !== former.vpcId) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Route table ${table.id} and route table ${former.id} belong to different networks`,
        )
      }
      store.routeTables.replace(withoutAssociation(former, association.id))
      const id = newId('rtbassoc', random)
      const present = store.routeTables.find(table.id) ?? table
      store.routeTables.replace({ ...present, associations: [...present.associations, { ...association, id }] })
      context.afterCommit(() => networks.refreshSoon(table.vpcId))
      return { NewAssociationId: id, AssociationState: associated }
    },
  }
}

function withoutAssociation(table: RouteTableRecord, associationId: string): RouteTableRecord {
  return { ...table, associations: table.associations.filter(({ id }) => id !== associationId) }
}

function findAssociation(
  { store }: Domain,
  context: MutationContext,
  id = '',
): { table: RouteTableRecord; association: RouteTableAssociation } {
  requireWellFormed('rtbassoc', id)
  const [found] = store.routeTables.listBy('associations[].id', id)
  const table = found && store.routeTables.get(context, found.id)
  const association = table?.associations.find((candidate) => candidate.id === id)
  if (!table || !association) throw idNotFound('rtbassoc', [id])
  return { table, association }
}
