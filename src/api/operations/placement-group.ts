import type { Domain } from '../../ec2/domain.ts'
import { createPlacementGroup, deletePlacementGroup } from '../../ec2/placement-group/create-placement-group.ts'
import { describePlacementGroups } from '../../ec2/placement-group/describe-placement-groups.ts'
import { modifyInstancePlacement } from '../../ec2/placement-group/modify-instance-placement.ts'
import type { AnyOperation } from '../dispatch.ts'

export function placementGroupOperations(domain: Domain) {
  return {
    CreatePlacementGroup: createPlacementGroup(domain),
    DescribePlacementGroups: describePlacementGroups(domain),
    DeletePlacementGroup: deletePlacementGroup(domain),
    ModifyInstancePlacement: modifyInstancePlacement(domain),
  } satisfies Record<string, AnyOperation>
}
