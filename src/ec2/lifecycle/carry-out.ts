import { setTimeout as sleep } from 'node:timers/promises'
import { Ec2Error } from '../errors.ts'
import type { Scope, Store, Tag } from '../ports/store.ts'
import { isReservedKey } from '../tag/tag.ts'
import { listMadeSince } from './plan-run.ts'
import { type BackupRule, type LifecyclePolicy, type LifecycleStep, lifecycleTag } from './policy.ts'

/** Calls an operation as an account: everything that a policy does is in the audit log. */
export type AccountCall = (scope: Scope, operation: string, input: object) => Promise<unknown>

export interface CarryOutDependencies {
  readonly store: Store
  readonly call: AccountCall
  readonly now: () => Date
  /** When an earlier daemon began the run that is carried to its end. */
  readonly begun?: Date | undefined
}

/** A copy is made of what is complete: an image that waits for a reboot takes its time. */
const completionPatienceMs = 15 * 60_000
const pollMs = 250
const soonMs = 60_000

/** Something that was made in this run, to be copied. */
interface Made {
  readonly kind: 'snapshot' | 'image'
  readonly id: string
}

/**
 * Does the steps of a plan in their order and answers them with what came of each. What cannot be done is told, and keeps no other step from
 * being done; only what replaces a backup that could not be made is not deleted.
 */
export async function carryOut(
  dependencies: CarryOutDependencies,
  policy: LifecyclePolicy,
  steps: readonly LifecycleStep[],
): Promise<LifecycleStep[]> {
  const made = new Map<string, Made[]>()
  const done: LifecycleStep[] = []
  let hasFailed = false
  for (const step of steps) {
    if (step.action === 'keep') done.push(step)
    else if (step.action === 'delete' && hasFailed) {
      done.push({ ...step, action: 'keep', reason: `${step.reason}, but a new backup could not be made` })
    } else {
      const result = await perform(dependencies, policy, step, made)
      if (result.error !== undefined && step.action !== 'deprecate' && step.action !== 'delete') hasFailed = true
      done.push(result)
    }
  }
  return done
}

async function perform(
  dependencies: CarryOutDependencies,
  policy: LifecyclePolicy,
  step: LifecycleStep,
  made: Map<string, Made[]>,
): Promise<LifecycleStep> {
  try {
    const ids = await performStep(dependencies, policy, step, made)
    return ids.length === 0 ? step : { ...step, madeId: ids.join(' ') }
  } catch (error) {
    if (error instanceof Ec2Error) return { ...step, error: `${error.code}: ${error.message}` }
    throw error
  }
}

async function performStep(
  dependencies: CarryOutDependencies,
  policy: LifecyclePolicy,
  step: LifecycleStep,
  made: Map<string, Made[]>,
): Promise<string[]> {
  const { rule } = policy
  const scope = { accountId: policy.accountId, region: step.region }
  const { resourceId: id } = step
  switch (step.action) {
    case 'create': {
      if (rule.kind !== 'backup') return []
      const backups = await makeBackups(dependencies, policy, rule, id)
      made.set(id, backups)
      return backups.map((backup) => backup.id)
    }
    case 'copy': {
      if (rule.kind !== 'backup') return []
      const copies: string[] = []
      const backups = made.get(id) ?? findEarlierBackups(dependencies, policy, rule, { id, region: step.region })
      for (const backup of backups) copies.push(await copyBackup(dependencies, policy, scope, backup))
      return copies
    }
    case 'deprecate': {
      // EC2 takes no time that is over.
      const soon = new Date(dependencies.now().getTime() + soonMs)
      await dependencies.call(scope, 'EnableImageDeprecation', { ImageId: id, DeprecateAt: soon })
      return []
    }
    case 'delete':
      await removeOne(dependencies, policy, scope, id)
      return []
    default:
      return []
  }
}

async function makeBackups(
  { store, call, now }: CarryOutDependencies,
  policy: LifecyclePolicy,
  rule: BackupRule,
  targetId: string,
): Promise<Made[]> {
  const description = `Created by the lifecycle policy ${policy.name}`
  if (rule.makes === 'images') {
    const tags = tagsFor(store, policy, rule, targetId)
    const time = now().toISOString().replace(/[-:]/g, '').slice(0, 15)
    const { ImageId: id = '' } = (await call(policy, 'CreateImage', {
      InstanceId: targetId,
      Name: `${policy.name} ${targetId} ${time}`,
      Description: description,
      NoReboot: rule.isWithoutReboot,
      TagSpecifications: [
        { ResourceType: 'image', Tags: tags },
        { ResourceType: 'snapshot', Tags: tags },
      ],
    })) as { ImageId?: string }
    return [{ kind: 'image', id }]
  }
  if (rule.of === 'volumes') {
    const Tags = tagsFor(store, policy, rule, targetId)
    const { SnapshotId: id = '' } = (await call(policy, 'CreateSnapshot', {
      VolumeId: targetId,
      Description: description,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
    })) as { SnapshotId?: string }
    return [{ kind: 'snapshot', id }]
  }
  const { Snapshots: snapshots = [] } = (await call(policy, 'CreateSnapshots', {
    InstanceSpecification: { InstanceId: targetId, ExcludeBootVolume: rule.excludesBootVolume },
    Description: description,
    ...(rule.copiesTags ? { CopyTagsFromSource: 'volume' } : {}),
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagsFor(store, policy, { ...rule, copiesTags: false }) }],
  })) as { Snapshots?: { SnapshotId?: string }[] }
  return snapshots.map(({ SnapshotId: id = '' }) => ({ kind: 'snapshot', id }))
}

/** The source's own tags where they are copied, under those of the policy. Of several volumes each snapshot knows its own. */
function tagsFor(
  store: Store,
  policy: LifecyclePolicy,
  { copiesTags, addedTags }: Pick<BackupRule, 'copiesTags' | 'addedTags'>,
  sourceId?: string,
): { Key: string; Value: string }[] {
  const own: Tag[] = [
    { key: lifecycleTag.policy, value: policy.name },
    ...(sourceId === undefined ? [] : [{ key: lifecycleTag.source, value: sourceId }]),
  ]
  const copied =
    copiesTags && sourceId !== undefined ? store.tags.of(sourceId).filter(({ key }) => !isReservedKey(key)) : []
  const tags = new Map([...copied, ...addedTags, ...own].map(({ key, value }) => [key, value]))
  return [...tags].map(([Key, Value]) => ({ Key, Value }))
}

/** What the daemon that was interrupted had made of a volume or instance, and not copied to a region. */
function findEarlierBackups(
  { store, begun }: CarryOutDependencies,
  policy: LifecyclePolicy,
  rule: BackupRule,
  { id, region }: { id: string; region: string },
): Made[] {
  if (!begun) return []
  const copied = listMadeSince(store, { ...policy, region }, rule, id, begun).map(({ sourceId }) => sourceId)
  return listMadeSince(store, policy, rule, id, begun)
    .filter(({ sourceId }) => !copied.includes(sourceId))
    .map((backup) => ({ kind: rule.makes === 'images' ? 'image' : 'snapshot', id: backup.id }))
}

async function copyBackup(
  { store, call, now }: CarryOutDependencies,
  { accountId, region }: LifecyclePolicy,
  scope: Scope,
  { kind, id }: Made,
): Promise<string> {
  await waitUntilComplete(store, kind, id, now)
  const tags = store.tags.of(id).map(({ key, value }) => ({ Key: key, Value: value }))
  if (kind === 'snapshot') {
    const snapshot = store.snapshots.find(id)
    const hasSource = tags.some(({ Key }) => Key === lifecycleTag.source)
    if (snapshot && !hasSource) tags.push({ Key: lifecycleTag.source, Value: snapshot.volumeId })
    const copy = (await call({ accountId, region: scope.region }, 'CopySnapshot', {
      SourceRegion: region,
      SourceSnapshotId: id,
      Description: snapshot?.description ?? '',
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tags }],
    })) as { SnapshotId?: string }
    return copy.SnapshotId ?? ''
  }
  const copy = (await call({ accountId, region: scope.region }, 'CopyImage', {
    SourceRegion: region,
    SourceImageId: id,
    Name: store.images.find(id)?.name ?? id,
    TagSpecifications: [
      { ResourceType: 'image', Tags: tags },
      { ResourceType: 'snapshot', Tags: tags },
    ],
  })) as { ImageId?: string }
  return copy.ImageId ?? ''
}

async function waitUntilComplete(store: Store, kind: Made['kind'], id: string, now: () => Date): Promise<void> {
  const deadline = now().getTime() + completionPatienceMs
  for (;;) {
    const state = kind === 'image' ? store.images.find(id)?.state : store.snapshots.find(id)?.state
    if (state === 'available' || state === 'completed') return
    if (state !== 'pending' || now().getTime() > deadline) {
      throw new Ec2Error('IncorrectState', `${id} did not become complete: it is ${state ?? 'gone'}.`)
    }
    await sleep(pollMs)
  }
}

async function removeOne(
  { call, store }: CarryOutDependencies,
  { rule }: LifecyclePolicy,
  scope: Scope,
  id: string,
): Promise<void> {
  if (id.startsWith('snap-')) {
    await call(scope, 'DeleteSnapshot', { SnapshotId: id })
    return
  }
  const protection = store.images.find(id)?.deregistrationProtection
  if (rule.kind === 'clean-up' && rule.alsoProtected && protection && protection.disabledAt === undefined) {
    await call(scope, 'DisableImageDeregistrationProtection', { ImageId: id })
  }
  await call(scope, 'DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
}
