import type { Clock } from '../../host/clock.ts'
import { Ec2Error } from '../errors.ts'
import type { AccountCaller } from '../ports/account-caller.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type PipelineBuildRecord, pipelineTag } from './pipeline.ts'

interface SweepDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly call: AccountCaller
}

const pollMs = 200
const longestWaitMs = 15 * 60_000

/** Takes away everything that a build has made and that is still there, in all its regions: found by its tags. Safe to repeat. */
export async function sweepBuild(dependencies: SweepDependencies, build: PipelineBuildRecord): Promise<void> {
  for (const region of build.regions) await sweepRegion(dependencies, { accountId: build.accountId, region }, build.id)
}

/** Takes away servers and keys of a build, and leaves what came of it. */
export async function sweepServers(dependencies: SweepDependencies, scope: Scope, buildId: string): Promise<void> {
  const { call } = dependencies
  const found = await findTagged(dependencies, scope, buildId)
  await terminateAll(dependencies, scope, found('instance'))
  for (const id of found('volume')) await unlessGone(call(scope, 'DeleteVolume', { VolumeId: id }))
  for (const id of found('key-pair')) await unlessGone(call(scope, 'DeleteKeyPair', { KeyPairId: id }))
}

async function sweepRegion(dependencies: SweepDependencies, scope: Scope, buildId: string): Promise<void> {
  const { call } = dependencies
  await sweepServers(dependencies, scope, buildId)
  const found = await findTagged(dependencies, scope, buildId)
  for (const id of found('image')) {
    await unlessGone(call(scope, 'DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true }))
  }
  for (const id of (await findTagged(dependencies, scope, buildId))('snapshot')) {
    await unlessGone(call(scope, 'DeleteSnapshot', { SnapshotId: id }))
  }
}

/** The ids of one kind that carry the build's tag. */
async function findTagged(
  { call }: SweepDependencies,
  scope: Scope,
  buildId: string,
): Promise<(type: string) => string[]> {
  const { Tags: tags = [] } = await call(scope, 'DescribeTags', {
    Filters: [
      { Name: 'key', Values: [pipelineTag.build] },
      { Name: 'value', Values: [buildId] },
    ],
  })
  const found: { type: string | undefined; id: string }[] = []
  for (const { ResourceType: type, ResourceId: id = '' } of tags) found.push({ type, id })
  return (type) => found.filter((one) => one.type === type).map(({ id }) => id)
}

async function terminateAll({ store, clock, call }: SweepDependencies, scope: Scope, ids: string[]): Promise<void> {
  const isLive = (id: string) => {
    const state = store.instances.find(id)?.state
    return state !== undefined && state !== 'terminated'
  }
  const live = ids.filter(isLive)
  if (live.length === 0) return
  await unlessGone(call(scope, 'TerminateInstances', { InstanceIds: live }))
  const endMs = clock.monotonicMs() + longestWaitMs
  while (live.some(isLive) && clock.monotonicMs() < endMs) await clock.sleep(pollMs)
}

/** What is gone already is what was wanted. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Ec2Error) || !error.code.endsWith('NotFound')) throw error
  }
}
