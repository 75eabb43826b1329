import type { VolumeStatusItem } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, Ec2Query, MutationContext } from '../operation.ts'
import { zoneIdOf } from './describe-volume.ts'
import type { VolumeRecord } from './volume.ts'

type VolumeHealth = 'ok' | 'impaired' | 'insufficient-data'

/**
 * DescribeVolumeStatus: `impaired` while the machine that a volume is attached to stands still because the host could not read or write a
 * disk of it.
 */
export function describeVolumeStatus(domain: Domain): Ec2Query<'DescribeVolumeStatus'> {
  const { store } = domain
  const healthOf = (volume: VolumeRecord) => readHealth(domain, volume)
  const ioEnabledOf = (volume: VolumeRecord) => (healthOf(volume) === 'impaired' ? 'failed' : 'passed')
  const actionOf = (volume: VolumeRecord) => (healthOf(volume) === 'impaired' ? 'enable-volume-io' : undefined)
  const source: DescribeSource<VolumeRecord> = {
    collection: store.volumes,
    prefix: 'vol',
    idParameter: 'volumeIds',
    filters: defineFilters({
      'action.code': actionOf,
      'action.description': (volume) => actionOf(volume) && actionDescription,
      'action.event-id': () => undefined,
      'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
      'availability-zone-id': (volume) => zoneIdOf(domain, volume),
      'event.description': () => undefined,
      'event.event-id': () => undefined,
      'event.event-type': () => undefined,
      'event.not-after': () => undefined,
      'event.not-before': () => undefined,
      'volume-status.details-name': () => ['io-enabled', 'io-performance'],
      'volume-status.details-status': (volume) => [ioEnabledOf(volume), 'not-applicable'],
      'volume-status.status': healthOf,
    }),
  }
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.VolumeIds })
      return {
        VolumeStatuses: page.records.map(
          (volume): VolumeStatusItem => ({
            VolumeId: volume.id,
            AvailabilityZone: volume.availabilityZone,
            AvailabilityZoneId: zoneIdOf(domain, volume),
            VolumeStatus: {
              Status: healthOf(volume),
              Details: [
                { Name: 'io-enabled', Status: ioEnabledOf(volume) },
                { Name: 'io-performance', Status: 'not-applicable' },
              ],
            },
            Actions: actionOf(volume) ? [{ Code: actionOf(volume), Description: actionDescription }] : [],
            Events: [],
            AttachmentStatuses: volume.attachment
              ? [{ InstanceId: volume.attachment.instanceId, IoPerformance: 'not-applicable' }]
              : [],
          }),
        ),
        ...page.token,
      }
    },
  }
}

const actionDescription = 'Enable volume I/O'

function readHealth({ instances }: Domain, { state, attachment }: VolumeRecord): VolumeHealth {
  if (state === 'error') return 'impaired'
  if (state === 'creating') return 'insufficient-data'
  return attachment && instances.runtimeOf(attachment.instanceId)?.problem ? 'impaired' : 'ok'
}

/** EnableVolumeIO: the machine that its disk has paused tries again. */
export function enableVolumeIo(domain: Domain): Ec2Mutation<'EnableVolumeIO'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      resumeSoon(domain, context, volume)
      return {}
    },
  }
}

/** Lets the machine that a volume has paused try again, when the call is done. */
export function resumeSoon({ instances }: Domain, context: MutationContext, { attachment }: VolumeRecord): void {
  const runtime = attachment && instances.runtimeOf(attachment.instanceId)
  if (!runtime?.problem) return
  context.afterCommit(async () => {
    // A disk that still fails pauses it again, which is told as the first time.
    await runtime.machine?.resume().catch(() => undefined)
  })
}
