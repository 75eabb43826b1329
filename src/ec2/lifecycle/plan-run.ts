import { requireUnprotected } from '../image/deregistration-protection.ts'
import type { ImageRecord } from '../image/image.ts'
import type { ResourceRecord, Store, Tag } from '../ports/store.ts'
import { isLocked } from '../snapshot/snapshot-lock.ts'
import { findImageUser } from './image-user.ts'
import { type BackupRule, type CleanUpRule, type LifecyclePolicy, type LifecycleStep, lifecycleTag } from './policy.ts'

/**
 * What a run of a policy would do now, in its order: makes, deprecates, deletes, and why it leaves what it leaves. Reads records and changes
 * nothing. What is deleted is counted with what is made: `keep: 3` leaves three. A run that a daemon has `begun` and not ended is
 * planned to its end: what it had made is not made again.
 */
export function planRun(store: Store, policy: LifecyclePolicy, now: Date, begun?: Date): LifecycleStep[] {
  const { rule } = policy
  return rule.kind === 'backup' ? planBackup(store, policy, rule, now, begun) : planCleanUp(store, policy, rule, now)
}

function planBackup(
  store: Store,
  policy: LifecyclePolicy,
  rule: BackupRule,
  now: Date,
  begun: Date | undefined,
): LifecycleStep[] {
  const { region } = policy
  const steps: LifecycleStep[] = []
  const made = new Set<string>()
  for (const { id } of findTargets(store, policy, rule)) {
    const present = begun ? listMadeSince(store, policy, rule, id, begun) : []
    const what =
      rule.makes === 'images' ? 'an image' : rule.of === 'instances' ? 'snapshots of its volumes' : 'a snapshot'
    if (present.length === 0) {
      made.add(id)
      steps.push({ action: 'create', resourceId: id, region, reason: `${what} is due` })
    }
    for (const other of rule.copyTo) {
      const copied = begun ? listMadeSince(store, { ...policy, region: other }, rule, id, begun) : []
      if (present.length > 0 && copied.length >= present.length) continue
      steps.push({ action: 'copy', resourceId: id, region: other, reason: `a copy of it is wanted in ${other}` })
    }
  }
  for (const place of [region, ...rule.copyTo]) {
    steps.push(...planDeprecations(store, { ...policy, region: place }, rule, now))
    steps.push(...planRetention(store, { ...policy, region: place }, rule, { now, made }))
  }
  return steps
}

/** Volumes or instances of the policy's account with one of its tags, in a state in which they can be backed up. */
function findTargets(store: Store, policy: LifecyclePolicy, { of, targetTags }: BackupRule): ResourceRecord[] {
  const isTarget = ({ id }: ResourceRecord) => hasOneOf(store.tags.of(id), targetTags)
  if (of === 'volumes') {
    return store.volumes.list(policy).filter((one) => ['available', 'in-use'].includes(one.state) && isTarget(one))
  }
  return store.instances.list(policy).filter((one) => ['running', 'stopped'].includes(one.state) && isTarget(one))
}

/** What the policy has made in a region, with what it was made of and when. */
export interface Made {
  readonly id: string
  readonly sourceId: string
  readonly time: string
  /** Why it must stay. */
  readonly hold?: string
  readonly image?: ImageRecord
}

function listMade(store: Store, policy: LifecyclePolicy, { makes }: BackupRule, now: Date): Made[] {
  const sourceOf = ({ id }: ResourceRecord, otherwise?: string) => {
    const tags = store.tags.of(id)
    if (!tags.some(({ key, value }) => key === lifecycleTag.policy && value === policy.name)) return undefined
    return tags.find(({ key }) => key === lifecycleTag.source)?.value ?? otherwise
  }
  if (makes === 'images') {
    return store.images.list(policy).flatMap((image) => {
      const sourceId = sourceOf(image)
      if (sourceId === undefined) return []
      return [{ id: image.id, sourceId, time: image.creationDate, image, ...holdOf(holdOfImage(store, image, now)) }]
    })
  }
  return store.snapshots.list(policy).flatMap((snapshot) => {
    // A snapshot knows its volume; its copies in other regions do not.
    const sourceId = sourceOf(snapshot, snapshot.volumeId)
    if (sourceId === undefined) return []
    const [user] = store.images.listBy('blockDevices[].snapshotId', snapshot.id)
    const hold = isLocked(snapshot, now) ? 'it is locked' : user && `the image ${user.id} is made of it`
    return [{ id: snapshot.id, sourceId, time: snapshot.startTime, ...holdOf(hold) }]
  })
}

/** What the policy has made in its region of a volume, or of an instance and its volumes, since a run began: whole, or coming to be. */
export function listMadeSince(
  store: Store,
  policy: LifecyclePolicy,
  rule: BackupRule,
  targetId: string,
  begun: Date,
): Made[] {
  return listMade(store, policy, rule, begun).filter(({ id, sourceId, time }) => {
    const state = (rule.makes === 'images' ? store.images : store.snapshots).find(id)?.state
    const isTarget = sourceId === targetId || isVolumeOfMade(store, sourceId, new Set([targetId]))
    return isTarget && Date.parse(time) >= begun.getTime() && state !== 'failed' && state !== 'error'
  })
}

function holdOf(hold: string | undefined): { hold?: string } {
  return hold === undefined ? {} : { hold }
}

function planDeprecations(store: Store, policy: LifecyclePolicy, rule: BackupRule, now: Date): LifecycleStep[] {
  const { deprecateAfterMs } = rule
  if (deprecateAfterMs === undefined) return []
  return listMade(store, policy, rule, now)
    .filter(({ image, time }) => !image?.deprecationTime && now.getTime() - Date.parse(time) >= deprecateAfterMs)
    .map(({ id }) => ({
      action: 'deprecate',
      resourceId: id,
      region: policy.region,
      reason: `it is older than ${daysOf(deprecateAfterMs)}`,
    }))
}

/** Those beyond the wanted number, the oldest, or those past their age: of each source for itself. */
function planRetention(
  store: Store,
  policy: LifecyclePolicy,
  rule: BackupRule,
  { now, made }: { now: Date; made: ReadonlySet<string> },
): LifecycleStep[] {
  const { keep } = rule
  const bySource = new Map<string, Made[]>()
  for (const one of listMade(store, policy, rule, now)) {
    bySource.set(one.sourceId, [...(bySource.get(one.sourceId) ?? []), one])
  }
  return [...bySource].flatMap(([sourceId, backups]) => {
    const newestFirst = backups.toSorted((a, b) => b.time.localeCompare(a.time))
    // Snapshots of an instance are of its volumes, each of which has its own.
    const isDue = made.has(sourceId) || isVolumeOfMade(store, sourceId, made)
    const due =
      'count' in keep
        ? newestFirst.slice(Math.max(0, keep.count - (isDue ? 1 : 0)))
        : newestFirst.filter(({ time }) => now.getTime() - Date.parse(time) >= keep.ageMs)
    const reason =
      'count' in keep ? `only ${keep.count} of ${sourceId} are kept` : `it is older than ${daysOf(keep.ageMs)}`
    return due.map(({ id, hold }) => deleteOrKeep(id, policy.region, reason, hold))
  })
}

function isVolumeOfMade(store: Store, volumeId: string, made: ReadonlySet<string>): boolean {
  const instanceId = store.volumes.find(volumeId)?.attachment?.instanceId
  return instanceId !== undefined && made.has(instanceId)
}

function planCleanUp(store: Store, policy: LifecyclePolicy, rule: CleanUpRule, now: Date): LifecycleStep[] {
  return store.images
    .list(policy)
    .filter(({ state }) => state !== 'pending')
    .flatMap((image) => {
      const reason = reasonToCleanUp(store, image, rule, now)
      if (reason === undefined) return []
      return [deleteOrKeep(image.id, policy.region, reason, holdOfImage(store, image, now, rule))]
    })
}

/** Why an image is one of those to be cleaned up; undefined when it is not. */
function reasonToCleanUp(
  store: Store,
  image: ImageRecord,
  { tags, olderThanMs, notLaunchedForMs, isNeverLaunched }: CleanUpRule,
  now: Date,
): string | undefined {
  if (tags.length > 0 && !hasOneOf(store.tags.of(image.id), tags)) return undefined
  const { lastLaunchedTime: launched, creationDate: created } = image
  if (isNeverLaunched && launched !== undefined) return undefined
  const ageMs = (time: string) => now.getTime() - Date.parse(time)
  if (olderThanMs !== undefined && ageMs(created) < olderThanMs) return undefined
  if (notLaunchedForMs !== undefined && ageMs(launched ?? created) < notLaunchedForMs) return undefined
  return launched === undefined
    ? `it was never launched and is from ${created.slice(0, 10)}`
    : `it is from ${created.slice(0, 10)} and was launched last on ${launched.slice(0, 10)}`
}

/** Why an image must stay; what the rule asks for besides is no reason. */
function holdOfImage(
  store: Store,
  image: ImageRecord,
  now: Date,
  { alsoInUse, alsoProtected }: Partial<Pick<CleanUpRule, 'alsoInUse' | 'alsoProtected'>> = {},
): string | undefined {
  if (!alsoProtected) {
    try {
      requireUnprotected(image, now)
    } catch {
      return 'it is protected from deregistration'
    }
  }
  const user = alsoInUse ? undefined : findImageUser(store, image)
  return user && `${user} uses it`
}

function deleteOrKeep(id: string, region: string, reason: string, hold: string | undefined): LifecycleStep {
  if (hold === undefined) return { action: 'delete', resourceId: id, region, reason }
  return { action: 'keep', resourceId: id, region, reason: `${reason}, but ${hold}` }
}

function hasOneOf(tags: readonly Tag[], wanted: readonly Tag[]): boolean {
  return wanted.some(({ key, value }) => tags.some((tag) => tag.key === key && tag.value === value))
}

function daysOf(ms: number): string {
  const hours = ms / 3_600_000
  return hours >= 24 && hours % 24 === 0 ? `${hours / 24} days` : `${Math.round(hours * 100) / 100} hours`
}
