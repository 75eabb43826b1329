import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { findAll } from '../ids.ts'
import type { CallContext, Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import type { Zone } from '../region/region.ts'
import { describeFastRestorePlace, type FastRestore, fastRestores, listFastRestores, zonesOf } from './fast-restore.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { tierOf } from './tiering.ts'
import { visibleSnapshots } from './visible-snapshot.ts'

/** Of one request. */
const maximumSnapshots = 10

interface Selection {
  readonly SourceSnapshotIds?: readonly string[] | undefined
  readonly AvailabilityZones?: readonly string[] | undefined
  readonly AvailabilityZoneIds?: readonly string[] | undefined
}

/** A snapshot in a zone. */
interface Place {
  readonly snapshot: SnapshotRecord
  readonly zone: Zone
}

export function enableFastSnapshotRestores(domain: Domain): Ec2Mutation<'EnableFastSnapshotRestores'> {
  return {
    kind: 'mutation',
    parameters: ['SourceSnapshotIds', 'AvailabilityZones', 'AvailabilityZoneIds'],
    isRecordOnly: true,
    apply: (context, input) => {
      const { places: asked, present } = readPlaces(domain, context, input)
      const places = asked.filter(({ snapshot }) => tierOf(snapshot) !== 'archive')
      const enabledAt = context.now.toISOString()
      const added = places
        .filter((place) => !present.some((entry) => isAt(entry, place)))
        .map(({ snapshot, zone }) => ({ snapshotId: snapshot.id, zoneName: zone.name, enabledAt }))
      requireRestoreQuota(domain, present, added)
      fastRestores.put(domain.store, context, [...present, ...added])
      return {
        Successful: places.map(({ snapshot, zone }) => ({
          ...describeFastRestorePlace(context, snapshot, zone),
          State: 'enabling' as const,
          StateTransitionReason: 'Client.UserInitiated',
          EnablingTime: context.now,
        })),
        Unsuccessful: asked
          .filter((place) => !places.includes(place))
          .map((place) =>
            describeFailure(place, 'It is in the archive tier: restore it with RestoreSnapshotTier first.'),
          ),
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
      const { places, present } = readPlaces(domain, context, input)
      const isEnabled = (place: Place) => present.some((entry) => isAt(entry, place))
      fastRestores.put(
        domain.store,
        context,
        present.filter((entry) => !places.some((place) => isAt(entry, place))),
      )
      return {
        Successful: places.filter(isEnabled).map(({ snapshot, zone }) => ({
          ...describeFastRestorePlace(context, snapshot, zone),
          State: 'disabling' as const,
          StateTransitionReason: 'Client.UserInitiated',
          DisablingTime: context.now,
        })),
        Unsuccessful: places
          .filter((place) => !isEnabled(place))
          .map((place) => describeFailure(place, 'Fast snapshot restore is not enabled for it in the zone.')),
      }
    },
  }
}

function describeFailure({ snapshot, zone }: Place, message: string) {
  return {
    SnapshotId: snapshot.id,
    FastSnapshotRestoreStateErrors: [
      {
        AvailabilityZone: zone.name,
        AvailabilityZoneId: zone.id,
        Error: { Code: 'InvalidState', Message: message },
      },
    ],
  }
}

/** What a request names, each snapshot in each zone, and what is enabled so far. */
function readPlaces(
  domain: Domain,
  context: CallContext,
  input: Selection,
): { places: readonly Place[]; present: readonly FastRestore[] } {
  const { SourceSnapshotIds: ids = [] } = input
  if (ids.length === 0) throw missingParameter('SourceSnapshotIds')
  if (ids.length > maximumSnapshots) {
    const limit = `Number of values of parameter SourceSnapshotIds must be less than or equal to ${maximumSnapshots}.`
    throw new Ec2Error('InvalidRequest', limit)
  }
  const zones = readZones(domain, context, input)
  const snapshots = findAll('snap', ids, (id) => visibleSnapshots(domain.store).get(context, id))
  return {
    places: snapshots.flatMap((snapshot) => zones.map((zone) => ({ snapshot, zone }))),
    present: listFastRestores(domain, context),
  }
}

function readZones(
  domain: Domain,
  context: CallContext,
  { AvailabilityZones: names = [], AvailabilityZoneIds: ids = [] }: Selection,
): Zone[] {
  if (names.length > 0 && ids.length > 0) {
    throw invalidParameterCombination('AvailabilityZones cannot be used with AvailabilityZoneIds')
  }
  if (names.length + ids.length === 0) throw missingParameter('AvailabilityZones')
  const zones = zonesOf(domain, context)
  return [...new Set([...names, ...ids])].map((text) => {
    const zone = zones.find(({ name, id }) => (names.length > 0 ? name : id) === text)
    if (zone) return zone
    throw invalidParameterValue('availabilityZone', text.slice(0, 80), 'There is no such zone in the region.')
  })
}

/** Throws ResourceLimitExceeded when more snapshots would be enabled than the account may have, in however many zones. */
function requireRestoreQuota(
  { settings }: Domain,
  present: readonly FastRestore[],
  added: readonly FastRestore[],
): void {
  const known = new Set(present.map(({ snapshotId }) => snapshotId))
  const fresh = new Set(added.map(({ snapshotId }) => snapshotId).filter((id) => !known.has(id)))
  requireQuota(settings.quotas, 'fastSnapshotRestores', {
    present: known.size,
    added: fresh.size,
    // EC2 documents no code of its own for this quota.
    code: 'ResourceLimitExceeded',
  })
}

function isAt(entry: FastRestore, { snapshot, zone }: Place): boolean {
  return entry.snapshotId === snapshot.id && entry.zoneName === zone.name
}
