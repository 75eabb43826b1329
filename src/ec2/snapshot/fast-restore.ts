import type { DescribeFastSnapshotRestoreSuccessItem } from '@aws-sdk/client-ec2'
import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { CallContext, Ec2Mutation, Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Zone } from '../region/region.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { visibleSnapshots } from './visible-snapshot.ts'

/** A snapshot that an account wants restored fast in a zone. Every volume here is at full speed at once, so it is enabled at once. */
interface FastRestore {
  readonly snapshotId: string
  readonly zoneName: string
  readonly enabledAt: string
}

const fastRestores = defineAccountSetting<readonly FastRestore[]>('fast-snapshot-restores', [])

const maximumSnapshots = 10

interface Selection {
  readonly SourceSnapshotIds?: readonly string[] | undefined
  readonly AvailabilityZones?: readonly string[] | undefined
  readonly AvailabilityZoneIds?: readonly string[] | undefined
}

export function enableFastSnapshotRestores(domain: Domain): Ec2Mutation<'EnableFastSnapshotRestores'> {
  return {
    kind: 'mutation',
    parameters: ['SourceSnapshotIds', 'AvailabilityZones', 'AvailabilityZoneIds'],
    isRecordOnly: true,
    apply: (context, input) => {
      const selected = readSelection(domain, context, input)
      const present = listRestores(domain, context)
      const added = selected.filter(({ snapshot, zone }) => !present.some((entry) => isOf(entry, snapshot, zone)))
      const enabledAt = context.now.toISOString()
      fastRestores.put(domain.store, context, [
        ...present,
        ...added.map(({ snapshot, zone }) => ({ snapshotId: snapshot.id, zoneName: zone.name, enabledAt })),
      ])
      return {
        Successful: selected.map(({ snapshot, zone }) => ({
          ...describePlace(snapshot, zone),
          State: 'enabling' as const,
          StateTransitionReason: 'Client.UserInitiated',
          EnablingTime: context.now,
        })),
        Unsuccessful: [],
      }
    },
  }
}

export function disableFastSnapshotRestores(domain: Domain): Ec2Mutation<'DisableFastSnapshotRestores'> {
  return {
    kind: 'mutation',
    parameters: ['SourceSnapshotIds', 'AvailabilityZones', 'AvailabilityZoneIds'],
    isRecordOnly: true,
    apply: (context, input) => {
      const selected = readSelection(domain, context, input)
      const present = listRestores(domain, context)
      const isEnabled = ({ snapshot, zone }: (typeof selected)[number]) =>
        present.some((entry) => isOf(entry, snapshot, zone))
      fastRestores.put(
        domain.store,
        context,
        present.filter((entry) => !selected.some(({ snapshot, zone }) => isOf(entry, snapshot, zone))),
      )
      return {
        Successful: selected.filter(isEnabled).map(({ snapshot, zone }) => ({
          ...describePlace(snapshot, zone),
          State: 'disabling' as const,
          StateTransitionReason: 'Client.UserInitiated',
          DisablingTime: context.now,
        })),
        Unsuccessful: selected
          .filter((item) => !isEnabled(item))
          .map(({ snapshot, zone }) => ({
            SnapshotId: snapshot.id,
            FastSnapshotRestoreStateErrors: [
              {
                AvailabilityZone: zone.name,
                AvailabilityZoneId: zone.id,
                Error: { Code: 'InvalidState', Message: 'Fast snapshot restore is not enabled for it in the zone.' },
              },
            ],
          })),
      }
    },
  }
}

export function describeFastSnapshotRestores(domain: Domain): Ec2Query<'DescribeFastSnapshotRestores'> {
  const filters = defineFilters<DescribeFastSnapshotRestoreSuccessItem>({
    'availability-zone': ({ AvailabilityZone: name }) => name,
    'availability-zone-id': ({ AvailabilityZoneId: id }) => id,
    'owner-id': ({ OwnerId: ownerId }) => ownerId,
    'snapshot-id': ({ SnapshotId: id }) => id,
    state: ({ State: state }) => state,
  })
  return {
    kind: 'query',
    parameters: ['Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    isRecordOnly: true,
    answer: (context, input) => {
      const zones = zonesOf(domain, context)
      const all = listRestores(domain, context).flatMap((entry): DescribeFastSnapshotRestoreSuccessItem[] => {
        const snapshot = visibleSnapshots(domain.store).get(context, entry.snapshotId)
        const zone = zones.find(({ name }) => name === entry.zoneName)
        if (!snapshot || !zone) return []
        const time = new Date(entry.enabledAt)
        return [
          {
            ...describePlace(snapshot, zone),
            State: 'enabled',
            StateTransitionReason: 'Client.UserInitiated - Lifecycle state transition',
            EnablingTime: time,
            OptimizingTime: time,
            EnabledTime: time,
          },
        ]
      })
      const page = takePage(
        applyFilters(all, input.Filters, filters),
        input,
        ({ SnapshotId: id = '', AvailabilityZone: zone = '' }) => `${id} ${zone}`,
        { minimum: 1, maximum: 200 },
      )
      return { FastSnapshotRestores: page.records, ...page.token }
    },
  }
}

/** Without those whose snapshots are gone. */
function listRestores({ store }: Domain, context: CallContext): readonly FastRestore[] {
  return fastRestores
    .get(store, context)
    .filter(({ snapshotId }) => visibleSnapshots(store).get(context, snapshotId) !== undefined)
}

function readSelection(
  domain: Domain,
  context: CallContext,
  input: Selection,
): { snapshot: SnapshotRecord; zone: Zone }[] {
  const { SourceSnapshotIds: ids = [], AvailabilityZones: names = [], AvailabilityZoneIds: zoneIds = [] } = input
  if (ids.length === 0) throw missingParameter('SourceSnapshotIds')
  if (ids.length > maximumSnapshots) {
    throw invalidParameterValue('sourceSnapshotId', ids.length, `At most ${maximumSnapshots} snapshots.`)
  }
  if (names.length > 0 && zoneIds.length > 0) {
    throw invalidParameterCombination('AvailabilityZones cannot be used with AvailabilityZoneIds')
  }
  if (names.length + zoneIds.length === 0) throw missingParameter('AvailabilityZones')
  const zones = zonesOf(domain, context)
  const chosen = [...new Set([...names, ...zoneIds])].map((text) => {
    const zone = zones.find(({ name, id }) => (names.length > 0 ? name : id) === text)
    if (zone) return zone
    throw invalidParameterValue('availabilityZone', text.slice(0, 80), 'There is no such zone in the region.')
  })
  const snapshots = findAll('snap', ids, (id) => visibleSnapshots(domain.store).get(context, id))
  return snapshots.flatMap((snapshot) => chosen.map((zone) => ({ snapshot, zone })))
}

function zonesOf({ regions }: Domain, { region }: CallContext): readonly Zone[] {
  return regions.get(region)?.zones ?? []
}

function isOf(entry: FastRestore, snapshot: SnapshotRecord, zone: Zone): boolean {
  return entry.snapshotId === snapshot.id && entry.zoneName === zone.name
}

function describePlace(snapshot: SnapshotRecord, zone: Zone) {
  return {
    SnapshotId: snapshot.id,
    AvailabilityZone: zone.name,
    AvailabilityZoneId: zone.id,
    OwnerId: snapshot.accountId,
  }
}
