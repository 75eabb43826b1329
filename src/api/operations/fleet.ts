import type { Domain } from '../../ec2/domain.ts'
import { createFleet } from '../../ec2/fleet/create-fleet.ts'
import { deleteFleets } from '../../ec2/fleet/delete-fleets.ts'
import { describeFleetInstances, describeFleets } from '../../ec2/fleet/describe-fleets.ts'
import type { AnyOperation } from '../dispatch.ts'

export function fleetOperations(domain: Domain) {
  return {
    CreateFleet: createFleet(domain),
    DescribeFleets: describeFleets(domain),
    DescribeFleetInstances: describeFleetInstances(domain),
    DeleteFleets: deleteFleets(domain),
  } satisfies Record<string, AnyOperation>
}
