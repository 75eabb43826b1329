import { createHash } from 'node:crypto'
import type { Domain } from '../../ec2/domain.ts'
import { Ec2Error } from '../../ec2/errors.ts'
import { findAll } from '../../ec2/ids.ts'
import { requireNewImage } from '../../ec2/image/new-image.ts'
import { findVisibleImage, requireAvailableImage } from '../../ec2/image/visible-image.ts'
import type { CallContext, MutationContext } from '../../ec2/operation.ts'
import { describeBase } from '../../ec2/pipeline/base-image.ts'
import { prepareBuild, recordBuild } from '../../ec2/pipeline/begin-build.ts'
import type { Pipeline, PipelineBuildRecord } from '../../ec2/pipeline/pipeline.ts'
import { buildsOf, findPipelineRecord, savePipelineRecord } from '../../ec2/pipeline/pipeline-record.ts'
import type { ListedPipeline } from '../../ec2/pipeline/pipeline-library.ts'
import { preparationOf, preparedNameOf } from '../../ec2/pipeline/preparation.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, preparedMutation, query } from '../kiln-operation.ts'
import type { PipelineBuildDescription, PipelineDescription } from '../kiln/pipeline.ts'
import { startTask } from './kiln-task.ts'

/** Pipelines: images that are built, tested and distributed by a file. */
export function kilnPipelineOperations(domain: Domain): Record<string, AnyOperation> {
  const { pipelines, store } = domain

  function setDisabled(context: MutationContext, name: string, isDisabled: boolean): Record<string, never> {
    const { isDisabled: _isDisabled, ...record } = findPipelineRecord(store, context, name)
    savePipelineRecord(store, isDisabled ? { ...record, isDisabled } : record)
    context.afterCommit(() => pipelines.clock.refresh())
    return {}
  }

  return {
    KilnDescribePipelines: query('KilnDescribePipelines', async (context, { Names: names }) => {
      const listed = await pipelines.library.list(context)
      // Names that are not there are refused as when one is built.
      for (const name of names ?? []) {
        if (!listed.some((one) => one.name === name)) await pipelines.library.load(context, name)
      }
      await pipelines.clock.refresh()
      const wanted = names?.length ? listed.filter(({ name }) => names.includes(name)) : listed
      return { Pipelines: wanted.map((one) => describePipeline(domain, context, one)) }
    }),
    KilnPutPipeline: preparedMutation(
      'KilnPutPipeline',
      (_context, { Name: name, Document: document }) => pipelines.library.check(name, document),
      (context, { Name: name, Lab: lab, Document: document }) => {
        savePipelineRecord(store, { ...findPipelineRecord(store, context, name), put: { lab, document } })
        context.afterCommit(() => pipelines.clock.refresh())
        return {}
      },
    ),
    KilnDeletePipeline: mutation('KilnDeletePipeline', (context, { Name: name }) => {
      const { put, ...record } = findPipelineRecord(store, context, name)
      if (!put) throw new Ec2Error('InvalidPipeline.NotFound', `No lab has put a pipeline ${name}.`, 404)
      // The record stays: numbers of builds, which names of images are made of, must not begin again.
      savePipelineRecord(store, record)
      context.afterCommit(() => pipelines.clock.refresh())
      return {}
    }),
    KilnBuildPipeline: preparedMutation(
      'KilnBuildPipeline',
      (context, { Name: name, IsForced: isForced = false, Parameters: parameters = [] }) =>
        prepareBuild(domain, context, {
          name,
          isForced,
          parameters: new Map(parameters.map(({ Name, Value }) => [Name, Value])),
        }),
      (context, { Name: name, Cause: cause = 'call' }, prepared) => {
        const { unchangedSince, pipeline, parameters } = prepared
        if (unchangedSince) {
          return { BuildNumber: unchangedSince.number, ImageId: unchangedSince.imageId ?? '' }
        }
        const { TaskId: taskId } = startTask(domain, context, 'build-pipeline', name, (job) =>
          pipelines.works.build(taskId, pipeline, parameters, job),
        )
        return { TaskId: taskId, BuildNumber: recordBuild(domain, context, prepared, { taskId, cause }).number }
      },
    ),
    KilnPrepareImage: preparedMutation(
      'KilnPrepareImage',
      () => pipelines.readGuestPart(),
      (context, input, guestPart) => {
        const image = findVisibleImage(store, context, input.ImageId)
        requireAvailableImage(image)
        const imageName = input.Name ?? preparedNameOf(image)
        requireNewImage(domain, context, { name: imageName })
        const pipeline = preparationOf(image, imageName, guestPart)
        const { TaskId: taskId } = startTask(domain, context, 'build-pipeline', pipeline.name, (job) =>
          pipelines.works.build(taskId, pipeline, new Map(), job),
        )
        const { number } = recordBuild(domain, context, { pipeline }, { taskId, cause: 'call' })
        return { TaskId: taskId, PipelineName: pipeline.name, BuildNumber: number }
      },
    ),
    KilnDescribePipelineBuilds: query('KilnDescribePipelineBuilds', (context, input) => {
      const { BuildIds: ids, PipelineName: name, MaxResults: limit = 1000 } = input
      const all = ids?.length
        ? findAll('task', ids, (id) => store.pipelineBuilds.get(context, id))
        : store.pipelineBuilds.list(context)
      const wanted = name === undefined ? all : all.filter(({ pipeline }) => pipeline === name)
      return {
        Builds: wanted
          .toReversed()
          .slice(0, limit)
          .map((build) => describeBuild(domain, build)),
      }
    }),
    KilnEnablePipeline: preparedMutation(
      'KilnEnablePipeline',
      (context, { Name: name }) => pipelines.library.load(context, name),
      (context, { Name: name }) => setDisabled(context, name, false),
    ),
    // Also of one whose file has mistakes.
    KilnDisablePipeline: mutation('KilnDisablePipeline', (context, { Name: name }) => setDisabled(context, name, true)),
  }
}

function describePipeline(domain: Domain, context: CallContext, listed: ListedPipeline): PipelineDescription {
  const { store, pipelines } = domain
  const { name, source, definition } = listed
  const lastBuild = buildsOf(store, context, name).at(-1)
  const nextRun = pipelines.clock.nextRunOf(context, name)
  const { isDisabled, put } = findPipelineRecord(store, context, name)
  return {
    Name: name,
    Source: source,
    ...('problem' in definition ? { Problem: definition.problem } : describeDefinition(definition)),
    IsEnabled: !isDisabled,
    ...(put ? { DocumentSha256: createHash('sha256').update(put.document).digest('hex') } : {}),
    ...(nextRun ? { NextRun: nextRun.toISOString() } : {}),
    ...(lastBuild ? { LastBuild: describeBuild(domain, lastBuild) } : {}),
  }
}

function describeDefinition(pipeline: Pipeline): Partial<PipelineDescription> {
  const { distribution, schedule, retention } = pipeline
  return {
    Description: pipeline.description,
    Base: describeBase(pipeline.base),
    ...(pipeline.instanceType ? { InstanceType: pipeline.instanceType } : {}),
    Components: pipeline.components.map(({ name, version }) => `${name}@${version}`),
    Steps: pipeline.components.flatMap(({ steps }) => steps.map(({ title }) => title)),
    Tests: pipeline.tests.map(({ title }) => title),
    Parameters: [...pipeline.parameters].map(([name, { isSecret, value }]) => ({
      Name: name,
      IsSecret: isSecret,
      HasValue: value !== undefined,
    })),
    ImageName: pipeline.image.name,
    Regions: [...distribution.regions],
    AccountIds: [...distribution.accountIds],
    IsPublic: distribution.isPublic,
    Registries: distribution.registries.map(({ reference }) => reference),
    ...(retention ? { KeptImages: retention.keep } : {}),
    ...(schedule
      ? {
          Schedule: {
            Cron: schedule.cron,
            ...(schedule.timeZone ? { TimeZone: schedule.timeZone } : {}),
            IsCaughtUp: schedule.isCaughtUp,
          },
        }
      : {}),
  }
}

function describeBuild({ tasks, pipelines }: Domain, build: PipelineBuildRecord): PipelineBuildDescription {
  return {
    BuildId: build.id,
    PipelineName: build.pipeline,
    Number: build.number,
    Cause: build.cause,
    State: build.state,
    Stage: tasks.progressOf(build.id)?.stage ?? build.state,
    Components: [...build.components],
    ...(build.baseImageId ? { BaseImageId: build.baseImageId } : {}),
    ...(build.imageId ? { ImageId: build.imageId } : {}),
    Copies: (build.copies ?? []).map(({ region, imageId }) => ({ Region: region, ImageId: imageId })),
    ...(build.error ? { Error: { Code: build.error.code, Message: build.error.message } } : {}),
    LogPath: pipelines.works.logPathOf(build.id),
    StartedAt: build.startedAt,
    ...(build.endedAt ? { EndedAt: build.endedAt } : {}),
  }
}
