import type { CreateFleetError, CreateFleetInstance } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { countFitting } from '../instance/capacity.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { planLaunch } from '../instance/launch-plan.ts'
import { launchInstances } from '../instance/run-instances.ts'
import { templateTags } from '../launch-template/find-launch-template.ts'
import type { MutationContext } from '../operation.ts'
import { readMaximumPrice } from '../spot/spot-terms.ts'
import type { FleetCandidate } from './fleet-candidate.ts'
import type { FleetShare } from './fleet-request.ts'

/** What came of one share of a fleet. */
export interface ShareResult {
  readonly fulfilledCapacity: number
  readonly instances: CreateFleetInstance[]
  readonly errors: CreateFleetError[]
}

/** Launches a share over its candidates: as much as fits; what does not is told as errors. */
export function launchShare(
  domain: Domain,
  context: MutationContext,
  fleetId: string,
  share: FleetShare,
  candidates: readonly FleetCandidate[],
): ShareResult {
  const instances: CreateFleetInstance[] = []
  const errors: CreateFleetError[] = []
  let fulfilledCapacity = 0
  for (const candidate of chooseCandidates(domain, context, share, candidates, errors)) {
    const missing = share.capacity - fulfilledCapacity
    if (missing <= 0) break
    const pools = poolCountOf(share, candidates.length)
    const part = Math.min(missing, Math.ceil(share.capacity / pools))
    const launched = tryLaunch(domain, context, fleetId, share, candidate, Math.ceil(part / candidate.weight), errors)
    if (launched.length === 0) continue
    fulfilledCapacity += launched.length * candidate.weight
    instances.push(describeLaunched(domain, share, candidate, launched))
  }
  return { fulfilledCapacity, instances, errors }
}

function poolCountOf({ spread }: FleetShare, candidateCount: number): number {
  if (spread === 'diversified') return candidateCount
  return typeof spread === 'number' ? Math.min(spread, candidateCount) : 1
}

/** In the order in which they are tried; of one type or one zone, where that is wanted, none at all below the minimum. */
function chooseCandidates(
  domain: Domain,
  context: MutationContext,
  share: FleetShare,
  candidates: readonly FleetCandidate[],
  errors: CreateFleetError[],
): FleetCandidate[] {
  const ordered =
    share.spread === 'prioritized'
      ? candidates.toSorted((a, b) => (a.priority ?? Infinity) - (b.priority ?? Infinity))
      : [...candidates]
  if (!share.isOneType && !share.isOneZone) return ordered
  const groups = new Map<string, FleetCandidate[]>()
  for (const candidate of ordered) {
    const zone = share.isOneZone ? zoneOf(domain, context, share, candidate) : ''
    const key = `${share.isOneType ? candidate.typeName : ''} ${zone}`
    groups.set(key, [...(groups.get(key) ?? []), candidate])
  }
  for (const group of groups.values()) {
    const room = group.map(({ typeName, weight }) => {
      const type = domain.instanceTypes.find(typeName)
      return type ? countFitting(domain, type) * weight : 0
    })
    if (Math.max(...room) >= Math.max(share.minimumCapacity, 1)) return group
  }
  for (const candidate of ordered) {
    errors.push(errorOf(share, candidate, 'InsufficientInstanceCapacity', 'This host has no room for the minimum.'))
  }
  return []
}

/** Where it would be launched; candidates that cannot be are told when they are tried. */
function zoneOf(domain: Domain, context: MutationContext, share: FleetShare, candidate: FleetCandidate): string {
  try {
    const terms = share.lifecycle === 'spot' ? {} : undefined
    return planLaunch(domain, context, { ...candidate.request, MinCount: 1, MaxCount: 1 }, terms).subnet
      .availabilityZone
  } catch (error) {
    if (error instanceof Ec2Error) return ''
    throw error
  }
}

function tryLaunch(
  domain: Domain,
  context: MutationContext,
  fleetId: string,
  share: FleetShare,
  candidate: FleetCandidate,
  count: number,
  errors: CreateFleetError[],
): InstanceRecord[] {
  try {
    const request = { ...candidate.request, MinCount: 1, MaxCount: count }
    const { instances } = launchInstances(domain, context, request, {
      ownTags: [...templateTags(candidate.chosen), { key: 'aws:ec2:fleet-id', value: fleetId }],
      ...(share.lifecycle === 'spot' ? { spot: readMaximumPrice(candidate.maximumPrice) } : {}),
    })
    if (instances.length < count) {
      errors.push(
        errorOf(
          share,
          candidate,
          'InsufficientInstanceCapacity',
          `This host had room for ${instances.length} of ${count} instances of type ${candidate.typeName}.`,
        ),
      )
    }
    return instances
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error
    errors.push(errorOf(share, candidate, error.code, error.message))
    return []
  }
}

function errorOf(share: FleetShare, candidate: FleetCandidate, code: string, message: string): CreateFleetError {
  return {
    LaunchTemplateAndOverrides: candidate.described,
    Lifecycle: share.lifecycle,
    ErrorCode: code,
    ErrorMessage: message,
  }
}

function describeLaunched(
  { store }: Domain,
  share: FleetShare,
  candidate: FleetCandidate,
  launched: readonly InstanceRecord[],
): CreateFleetInstance {
  const [first] = launched
  const zoneId = first && store.subnets.find(first.subnetId)?.availabilityZoneId
  return {
    LaunchTemplateAndOverrides: candidate.described,
    Lifecycle: share.lifecycle,
    InstanceIds: launched.map(({ id }) => id),
    InstanceType: candidate.typeName as NonNullable<CreateFleetInstance['InstanceType']>,
    ...(first ? { SubnetId: first.subnetId, AvailabilityZone: first.availabilityZone } : {}),
    ...(zoneId ? { AvailabilityZoneId: zoneId } : {}),
  }
}
