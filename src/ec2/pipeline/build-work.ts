import type { ImageRecord } from '../image/image.ts'
import { ensureBase } from './base-image.ts'
import { buildTags, type BuildContext, waitFor } from './build-context.ts'
import { buildFailed } from './build-failure.ts'
import { type BuildKey, makeBuildKey } from './build-key.ts'
import { type BuildServer, describeFailure, launchServer } from './build-server.ts'
import { type CopiedImage, distribute } from './distribute.ts'
import { cleanIdentityProgram, commandOfProgram, commandOfStep } from './guest-script.ts'
import type { PipelineStep } from './pipeline.ts'
import { digestPipeline } from './pipeline-digest.ts'
import { pushToRegistries } from './push-to-registry.ts'
import { sweepServers } from './sweep.ts'
import { fillTemplate, templateValues } from './template.ts'

/** What came of a build. */
export interface BuildOutcome {
  readonly imageId: string
  readonly baseImageId: string
  readonly digest: string
  readonly copies: readonly CopiedImage[]
}

const cleanTimeoutMs = 5 * 60_000
const imagingTimeoutMs = 60 * 60_000

/**
 * A build from its base to an image that is tested and distributed. It leaves no server and no key; when it rejects, the image and its
 * copies may be there, and are swept by their tags.
 */
export async function carryOutBuild(context: BuildContext): Promise<BuildOutcome> {
  const { pipeline, scope, parameters } = context
  context.enter('Finding the base')
  const base = await ensureBase(context, scope, pipeline.base, {
    ...context.job,
    onProgress: (progress) => context.job.onProgress({ ...progress, stage: `Base: ${progress.stage}` }),
  })
  const key = await makeBuildKey(context)
  const values = valuesOf(context, base)
  const image = await makeImage(context, base, key, values)
  if (pipeline.tests.length > 0) await testImage(context, image, key)
  await sweepServers(context, scope, context.buildId)
  const copies = await distribute(context, image)
  await pushToRegistries(context, image.id, values)
  return { imageId: image.id, baseImageId: base.id, digest: digestPipeline(pipeline, base.id, parameters), copies }
}

async function makeImage(
  context: BuildContext,
  base: ImageRecord,
  key: BuildKey,
  values: ReadonlyMap<string, string>,
): Promise<ImageRecord> {
  const { pipeline, scope, call, store } = context
  context.enter('Launching')
  const server = await launchServer(context, base, key, 'build')
  const steps = pipeline.components.flatMap(({ name, version, steps: own }) =>
    own.map((step) => ({ step, component: `${name}@${version}` })),
  )
  for (const [index, { step, component }] of steps.entries()) {
    context.enter(`Running step ${index + 1} of ${steps.length} "${step.title}"`)
    context.log.say(`of ${component}`)
    await carryOutStep(context, server, base, step)
  }
  context.enter('Cleaning its identity')
  await server.run(commandOfProgram(cleanIdentityProgram(key.publicKey)), cleanTimeoutMs)
  context.enter('Stopping')
  await server.stop()
  context.enter('Imaging')
  const tags = Object.entries(pipeline.image.tags).map(([Key, value]) => ({ Key, Value: fillTemplate(value, values) }))
  const { ImageId: id = '' } = await call(scope, 'CreateImage', {
    InstanceId: server.id,
    Name: fillTemplate(pipeline.image.name, values),
    ...(pipeline.image.description ? { Description: fillTemplate(pipeline.image.description, values) } : {}),
    TagSpecifications: (['image', 'snapshot'] as const).map((type) => ({
      ResourceType: type,
      Tags: [...tags, ...buildTags(context)],
    })),
  })
  const image = await waitFor(
    context,
    imagingTimeoutMs,
    () => buildFailed(`${id} is still not available`),
    () => {
      const record = store.images.find(id)
      if (record?.state === 'available') return record
      if (record?.state === 'pending') return undefined
      throw buildFailed(`${id} could not be made: ${record?.stateReason?.message ?? 'it is gone'}`)
    },
  )
  context.log.say(`Made ${image.id} (${image.name})`)
  await server.terminate()
  return image
}

async function testImage(context: BuildContext, image: ImageRecord, key: BuildKey): Promise<void> {
  const { tests } = context.pipeline
  context.enter('Testing: launching')
  const server = await launchServer(context, image, key, 'test')
  for (const [index, step] of tests.entries()) {
    context.enter(`Testing: ${index + 1} of ${tests.length} "${step.title}"`)
    await carryOutStep(context, server, image, step)
  }
  await server.terminate()
}

async function carryOutStep(
  context: BuildContext,
  server: BuildServer,
  image: ImageRecord,
  step: PipelineStep,
): Promise<void> {
  try {
    if (step.kind === 'reboot') return await server.reboot(step.timeoutMs)
    await server.run(commandOfStep(step, environmentOf(context, image)), step.timeoutMs)
  } catch (error) {
    context.job.signal.throwIfAborted()
    throw buildFailed(`The step "${step.title}" ${describeFailure(error)}`)
  }
}

/** The variables of every step. */
function environmentOf({ pipeline, number, parameters }: BuildContext, image: ImageRecord): Map<string, string> {
  return new Map([
    ['KILN_PIPELINE', pipeline.name],
    ['KILN_BUILD', String(number)],
    ['KILN_IMAGE', image.id],
    ...parameters,
  ])
}

/** What templates may tell: everything but secrets. */
function valuesOf({ pipeline, number, parameters, clock }: BuildContext, base: ImageRecord): Map<string, string> {
  const told = new Map([...parameters].filter(([name]) => !pipeline.parameters.get(name)?.isSecret))
  return templateValues({ pipeline: pipeline.name, number, baseImageId: base.id, now: clock.now(), parameters: told })
}
