import type { ModifyInstancePlacementRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findStoppedInstance } from '../instance/find-instance.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import {
  choosePartition,
  choosePlacementGroup,
  type ChosenPlacementGroup,
  placeInGroup,
  requireSuitable,
} from './choose-placement-group.ts'

const operation = 'ModifyInstancePlacement'

/** ModifyInstancePlacement: into a group, into another partition, or with an empty GroupName out of any group. */
export function modifyInstancePlacement(domain: Domain): Ec2Mutation<'ModifyInstancePlacement'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'GroupName', 'GroupId', 'PartitionNumber', 'Tenancy', 'Affinity'],
    apply: (context, { InstanceId: id, ...request }) => {
      const instance = findStoppedInstance(store, context, id)
      if (Object.values(request).every((value) => value === undefined)) {
        throw invalidParameterCombination('No placement attributes specified.')
      }
      // EC2 changes a tenancy only to or from that of a dedicated host, of which there are none.
      requireOneOf(operation, 'Tenancy', request.Tenancy, [instance.tenancy ?? 'default'])
      requireOneOf(operation, 'Affinity', request.Affinity, ['default'])
      const chosen = chooseGroup(store, context, instance, request)
      const { placement: former, ...rest } = instance
      if (chosen && chosen.group.id !== former?.groupId) requireSuitable(domain, chosen.group, instance)
      store.instances.replace(chosen ? { ...rest, placement: placeInGroup(store, chosen) } : rest)
      return { Return: true }
    },
  }
}

function chooseGroup(
  store: Store,
  scope: Scope,
  { placement }: InstanceRecord,
  request: Omit<ModifyInstancePlacementRequest, 'InstanceId'>,
): ChosenPlacementGroup | undefined {
  const isNamed = request.GroupName !== undefined || request.GroupId !== undefined
  if (isNamed || !placement) return choosePlacementGroup(store, scope, request)
  return choosePartition(
    store.placementGroups.find(placement.groupId),
    request.PartitionNumber ?? placement.partitionNumber,
  )
}
