import type { RequestSpotInstancesRequest, RunInstancesRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { findAll } from '../ids.ts'
import { launchInstances } from '../instance/run-instances.ts'
import type { CallContext, Ec2Mutation } from '../operation.ts'
import { describeSpotRequest, stateOf } from './describe-spot-requests.ts'
import { readTagSpecifications } from '../tag/tag.ts'
import { readMaximumPrice, requireOneTime } from './spot-terms.ts'
import type { SpotTerms } from './spot-request.ts'

const operation = 'RequestSpotInstances'

/** Launches at once what is asked for: the host has room for it, or the request is refused. */
export function requestSpotInstances(domain: Domain): Ec2Mutation<'RequestSpotInstances'> {
  return {
    kind: 'mutation',
    parameters: [
      'LaunchSpecification',
      'InstanceCount',
      'SpotPrice',
      'Type',
      'InstanceInterruptionBehavior',
      'ValidFrom',
      'ValidUntil',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      const { store } = domain
      const request = launchOf(input)
      readTagSpecifications(input.TagSpecifications, ['spot-instances-request'])
      const { instances } = launchInstances(domain, context, request, { spot: readTerms(context, input) })
      return {
        SpotInstanceRequests: instances.flatMap(({ spot }) => {
          const record = spot && store.spotRequests.find(spot.requestId)
          return record ? [describeSpotRequest(store, record)] : []
        }),
      }
    },
  }
}

/** Takes requests back: instances that were launched go on. */
export function cancelSpotInstanceRequests({ store }: Domain): Ec2Mutation<'CancelSpotInstanceRequests'> {
  return {
    kind: 'mutation',
    parameters: ['SpotInstanceRequestIds'],
    apply: (context, input) => {
      const requests = findAll('sir', input.SpotInstanceRequestIds ?? [], (id) => store.spotRequests.get(context, id))
      return {
        CancelledSpotInstanceRequests: requests.map((request) => {
          const state = stateOf(request, store.instances.find(request.instanceId))
          if (state === 'active') store.spotRequests.replace({ ...request, cancelledAt: context.now.toISOString() })
          return { SpotInstanceRequestId: request.id, State: state === 'active' ? 'cancelled' : state }
        }),
      }
    },
  }
}

function readTerms(context: CallContext, input: RequestSpotInstancesRequest): SpotTerms {
  requireOneTime(input.Type, input.InstanceInterruptionBehavior)
  if (input.ValidFrom !== undefined && input.ValidFrom > context.now) {
    throw unsupportedOperation('Spot Instance requests of a later time are not supported by Kiln: leave ValidFrom out.')
  }
  if (input.ValidUntil !== undefined && input.ValidUntil <= context.now) {
    throw invalidParameterValue('validUntil', input.ValidUntil.toISOString(), 'It must be in the future.')
  }
  return {
    ...readMaximumPrice(input.SpotPrice),
    ...(input.ValidUntil === undefined ? {} : { validUntil: input.ValidUntil.toISOString() }),
  }
}

function launchOf(input: RequestSpotInstancesRequest): RunInstancesRequest {
  const specification = input.LaunchSpecification
  if (!specification) throw missingParameter('LaunchSpecification')
  const count = input.InstanceCount ?? 1
  if (count < 1) throw invalidParameterValue('instanceCount', count, 'Expected a positive number.')
  const path = 'LaunchSpecification'
  refuseOtherMembers(operation, path, specification, [
    'SecurityGroupIds',
    'SecurityGroups',
    'BlockDeviceMappings',
    'EbsOptimized',
    'IamInstanceProfile',
    'ImageId',
    'InstanceType',
    'KeyName',
    'Monitoring',
    'NetworkInterfaces',
    'Placement',
    'SubnetId',
    'UserData',
  ])
  const { Placement: placement, ...launch } = specification
  refuseOtherMembers(operation, `${path}.Placement`, placement, ['AvailabilityZone', 'GroupName', 'Tenancy'])
  requireOneOf(operation, `${path}.Placement.Tenancy`, placement?.Tenancy, ['default', 'dedicated'])
  return {
    ...launch,
    ...(placement ? { Placement: placement } : {}),
    MinCount: count,
    MaxCount: count,
    ...(input.TagSpecifications ? { TagSpecifications: input.TagSpecifications } : {}),
    ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
  }
}
