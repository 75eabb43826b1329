import type { CreateFleetRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import type { Ec2Mutation } from '../operation.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { listCandidates } from './fleet-candidate.ts'
import type { FleetRecord } from './fleet.ts'
import { readShares } from './fleet-request.ts'
import { launchShare } from './launch-share.ts'

/** Launches a fleet of type instant at once; what could not be launched is told in `Errors`. */
export function createFleet(domain: Domain): Ec2Mutation<'CreateFleet'> {
  const { store, random } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Type',
      'LaunchTemplateConfigs',
      'TargetCapacitySpecification',
      'OnDemandOptions',
      'SpotOptions',
      'ExcessCapacityTerminationPolicy',
      'ReplaceUnhealthyInstances',
      'TerminateInstancesWithExpiration',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      const shares = readShares(input)
      const tags = readTagSpecifications(input.TagSpecifications, [
        'fleet',
        'instance',
        'volume',
        'network-interface',
        'spot-instances-request',
      ])
      const candidates = listCandidates(domain, context, input)
      const id = `fleet-${random.uuid()}`
      const results = shares.map((share) => ({ share, ...launchShare(domain, context, id, share, candidates) }))
      const fulfilledOf = (lifecycle: string) =>
        results
          .filter(({ share }) => share.lifecycle === lifecycle)
          .reduce((sum, one) => sum + one.fulfilledCapacity, 0)
      const { accountId, region } = context
      const fleet: FleetRecord = {
        accountId,
        region,
        id,
        createTime: context.now.toISOString(),
        ...(input.ClientToken ? { clientToken: input.ClientToken } : {}),
        request: keepRequest(input),
        fulfilledCapacity: fulfilledOf('on-demand') + fulfilledOf('spot'),
        fulfilledOnDemandCapacity: fulfilledOf('on-demand'),
        instances: results.flatMap(({ instances }) => instances),
        errors: results.flatMap(({ errors }) => errors),
      }
      store.fleets.insert(fleet)
      putTags(store, context, id, 'fleet', tags.get('fleet') ?? [])
      return { FleetId: id, Instances: [...fleet.instances], Errors: [...fleet.errors] }
    },
  }
}

/** What DescribeFleets tells again of the request. */
function keepRequest(input: CreateFleetRequest): FleetRecord['request'] {
  return {
    ...(input.ExcessCapacityTerminationPolicy
      ? { ExcessCapacityTerminationPolicy: input.ExcessCapacityTerminationPolicy }
      : {}),
    LaunchTemplateConfigs: (input.LaunchTemplateConfigs ?? []).map(
      ({ LaunchTemplateSpecification, Overrides = [] }) => ({
        ...(LaunchTemplateSpecification ? { LaunchTemplateSpecification } : {}),
        Overrides: Overrides.map(
          ({ IamInstanceProfile: _p, MetadataOptions: _m, KeyName: _k, ...override }) => override,
        ),
      }),
    ),
    ...(input.TargetCapacitySpecification
      ? {
          TargetCapacitySpecification: {
            OnDemandTargetCapacity: 0,
            SpotTargetCapacity: 0,
            DefaultTargetCapacityType: 'on-demand',
            ...input.TargetCapacitySpecification,
          },
        }
      : {}),
    SpotOptions: {
      AllocationStrategy: 'lowest-price',
      InstanceInterruptionBehavior: 'terminate',
      ...input.SpotOptions,
    },
    OnDemandOptions: { AllocationStrategy: 'lowest-price', ...input.OnDemandOptions },
  }
}
