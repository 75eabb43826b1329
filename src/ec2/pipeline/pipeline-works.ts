import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { StatePaths } from '../../host/state-paths.ts'
import { Ec2Error } from '../errors.ts'
import type { ImageJob } from '../image/image-work.ts'
import type { Scope } from '../ports/store.ts'
import type { TaskResult } from '../task/task.ts'
import { findBase } from './base-image.ts'
import { buildsOf } from './pipeline-record.ts'
import type { BuildContext, BuildDependencies } from './build-context.ts'
import { type BuildLog, openBuildLog } from './build-log.ts'
import { describeFailure } from './build-server.ts'
import { type BuildOutcome, carryOutBuild } from './build-work.ts'
import type { Pipeline, PipelineBuildRecord } from './pipeline.ts'
import { digestPipeline } from './pipeline-digest.ts'
import { dropSurplus } from './retention.ts'
import { sweepBuild } from './sweep.ts'

/** Carries builds out, and cleans up after those that came to nothing. */
export interface PipelineWorks {
  /** The work of a build's task, once it was recorded. */
  build(
    buildId: string,
    pipeline: Pipeline,
    parameters: ReadonlyMap<string, string>,
    job: ImageJob,
  ): Promise<TaskResult>
  /**
   * The last build of a pipeline that succeeded, if it was of the same base and components and its image is still there: a new one would
   * only make it again.
   */
  findUnchanged(
    scope: Scope,
    pipeline: Pipeline,
    parameters: ReadonlyMap<string, string>,
  ): Promise<PipelineBuildRecord | undefined>
  /** Where the log of a build is. */
  logPathOf(buildId: string): string
  /** Builds that an earlier daemon did not finish have failed. What they had made is swept in the background. */
  resume(): void
}

/** Of each pipeline. */
const keptBuilds = 100

export function createPipelineWorks(
  dependencies: BuildDependencies & { paths: StatePaths; log: Logger },
): PipelineWorks {
  const { store, clock, paths, log } = dependencies

  function logPathOf(buildId: string): string {
    return join(paths.builds, `${buildId}.log`)
  }

  function change(buildId: string, members: Partial<PipelineBuildRecord>): PipelineBuildRecord | undefined {
    return store.transaction(() => {
      const record = store.pipelineBuilds.find(buildId)
      if (!record) return undefined
      const changed = { ...record, ...members }
      store.pipelineBuilds.replace(changed)
      return changed
    })
  }

  async function build(
    buildId: string,
    pipeline: Pipeline,
    parameters: ReadonlyMap<string, string>,
    job: ImageJob,
  ): Promise<TaskResult> {
    const record = store.pipelineBuilds.find(buildId)
    if (!record) throw new Error(`${buildId} is not recorded`)
    const secrets = [...parameters]
      .filter(([name]) => pipeline.parameters.get(name)?.isSecret)
      .map(([, value]) => value)
    const buildLog = await openBuildLog(clock, logPathOf(buildId), secrets)
    const context: BuildContext = {
      ...dependencies,
      pipeline,
      scope: { accountId: record.accountId, region: record.region },
      buildId,
      number: record.number,
      parameters,
      log: buildLog,
      job,
      enter: (phase) => {
        job.signal.throwIfAborted()
        buildLog.say(phase)
        job.onProgress({ stage: buildLog.mask(phase) })
      },
    }
    try {
      return await succeed(context, await carryOutBuild(context))
    } catch (error) {
      throw await fail(context, error)
    } finally {
      await buildLog.close()
      await dropOldBuilds(record)
    }
  }

  async function succeed(context: BuildContext, outcome: BuildOutcome): Promise<TaskResult> {
    const { buildId, pipeline, scope, log: buildLog } = context
    // From here on the image stays, whatever happens.
    change(buildId, { state: 'succeeded', ...outcome, endedAt: clock.now().toISOString() })
    buildLog.say(`Done: ${outcome.imageId}`)
    for (const region of [scope.region, ...outcome.copies.map((copy) => copy.region)]) {
      try {
        const gone = await dropSurplus(dependencies, { ...scope, region }, pipeline)
        if (gone.length > 0) buildLog.say(`Deregistered older images in ${region}: ${gone.join(', ')}`)
      } catch (error) {
        buildLog.say(`Older images in ${region} could not all be deregistered: ${describeFailure(error)}`)
      }
    }
    return { imageId: outcome.imageId }
  }

  /** Takes away what was made, and answers the error that the task shall end with. */
  async function fail({ buildId, job, log: buildLog }: BuildContext, error: unknown): Promise<Error> {
    const isCancelled = job.signal.aborted
    const message = buildLog.mask(describeFailure(error))
    buildLog.say(isCancelled ? 'Cancelled: cleaning up' : `Failed: ${message}: cleaning up`)
    const code = error instanceof Ec2Error ? error.code : 'InternalError'
    if (!(error instanceof Ec2Error) && !isCancelled) log.error({ buildId, err: error }, 'pipeline build failed')
    const record = change(buildId, {
      state: isCancelled ? 'cancelled' : 'failed',
      ...(isCancelled ? {} : { error: { code, message } }),
      hasLeftovers: true,
      endedAt: clock.now().toISOString(),
    })
    if (record) tellSwept(buildLog, await sweep(record))
    return new Ec2Error(code, `${message}. See: kiln pipeline logs ${record?.pipeline} ${record?.number}`)
  }

  /** Answers whether nothing is left. */
  async function sweep(record: PipelineBuildRecord): Promise<boolean> {
    try {
      await sweepBuild(dependencies, record)
      store.transaction(() => {
        const present = store.pipelineBuilds.find(record.id)
        if (!present) return
        const { hasLeftovers: _hasLeftovers, ...rest } = present
        store.pipelineBuilds.replace(rest)
      })
      return true
    } catch (error) {
      // The next start tries again.
      log.error({ buildId: record.id, err: error }, 'what a build has left could not be removed')
      return false
    }
  }

  /** What an earlier daemon had not come to. */
  async function finishSweep(record: PipelineBuildRecord): Promise<void> {
    const buildLog = await openBuildLog(clock, logPathOf(record.id), [])
    buildLog.say('The daemon has ended: cleaning up')
    tellSwept(buildLog, await sweep(record))
    await buildLog.close()
  }

  /** Forgets the builds that are long past, with their logs. */
  async function dropOldBuilds({ accountId, region, pipeline }: PipelineBuildRecord): Promise<void> {
    const builds = store.pipelineBuilds
      .listBy('pipeline', pipeline)
      .filter((one) => one.accountId === accountId && one.region === region)
    for (const { id, state, hasLeftovers } of builds.slice(0, -keptBuilds)) {
      if (state === 'running' || hasLeftovers) continue
      await fsExtra.remove(logPathOf(id))
      store.transaction(() => store.pipelineBuilds.remove(id))
    }
  }

  return {
    build,
    logPathOf,
    findUnchanged: async (scope, pipeline, parameters) => {
      const last = buildsOf(store, scope, pipeline.name).findLast(({ state }) => state === 'succeeded')
      if (last?.imageId === undefined || store.images.find(last.imageId)?.state !== 'available') return undefined
      const base = await findBase(dependencies, scope, pipeline.base)
      return base && digestPipeline(pipeline, base.id, parameters) === last.digest ? last : undefined
    },
    resume: () => {
      for (const { id } of store.pipelineBuilds.listBy('state', 'running')) {
        change(id, {
          state: 'failed',
          error: { code: 'Server.Interrupted', message: 'The daemon ended during the build' },
          hasLeftovers: true,
          endedAt: clock.now().toISOString(),
        })
      }
      for (const record of store.pipelineBuilds.listAll()) if (record.hasLeftovers) void finishSweep(record)
    },
  }
}

function tellSwept(log: BuildLog, isClean: boolean): void {
  log.say(isClean ? 'Nothing of it is left' : 'Something of it is left, and is removed at the next start of the daemon')
}
