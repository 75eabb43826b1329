import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { CallContext, MutationContext } from '../operation.ts'
import type { Pipeline, PipelineBuildRecord } from './pipeline.ts'
import { buildsOf, findPipelineRecord, savePipelineRecord } from './pipeline-record.ts'

/** What a build begins with. */
export interface PreparedBuild {
  readonly pipeline: Pipeline
  readonly parameters: ReadonlyMap<string, string>
  /** The build whose image a new one would only make again. */
  readonly unchangedSince?: PipelineBuildRecord
}

export interface BuildRequest {
  readonly name: string
  readonly isForced: boolean
  readonly parameters: ReadonlyMap<string, string>
}

/** Reads the pipeline and finds out whether there is anything to be built. Changes nothing. */
export async function prepareBuild(
  { pipelines, regions }: Domain,
  context: CallContext,
  request: BuildRequest,
): Promise<PreparedBuild> {
  const pipeline = await pipelines.library.load(context, request.name)
  for (const region of pipeline.distribution.regions) {
    if (!regions.get(region)) {
      throw invalidParameterValue('distribution.regions', region.slice(0, 80), 'There is no such region.')
    }
  }
  const parameters = chooseParameters(pipeline, request.parameters)
  const unchangedSince = request.isForced
    ? undefined
    : await pipelines.works.findUnchanged(context, pipeline, parameters)
  return { pipeline, parameters, ...(unchangedSince ? { unchangedSince } : {}) }
}

/** The value of each parameter. Throws for those that there are not, and for those that have none. */
function chooseParameters(pipeline: Pipeline, given: ReadonlyMap<string, string>): Map<string, string> {
  const known = [...pipeline.parameters.keys()]
  for (const name of given.keys()) {
    if (pipeline.parameters.has(name)) continue
    const hint = known.length > 0 ? `Its parameters: ${known.join(', ')}.` : 'It has none.'
    throw invalidParameterValue('Parameters', name.slice(0, 80), `${pipeline.name} has no such parameter. ${hint}`)
  }
  const values = new Map<string, string>()
  for (const [name, parameter] of pipeline.parameters) {
    const value = given.get(name) ?? parameter.value
    if (value === undefined) {
      throw new Ec2Error('MissingParameter', `The parameter ${name} of ${pipeline.name} has no value: give it one`)
    }
    values.set(name, value)
  }
  return values
}

/** Records that a build runs as that task; inside a mutation. Throws IncorrectState while another one of the pipeline runs. */
export function recordBuild(
  { store }: Domain,
  context: MutationContext,
  { pipeline }: Pick<PreparedBuild, 'pipeline'>,
  { taskId, cause }: { taskId: string; cause: PipelineBuildRecord['cause'] },
): PipelineBuildRecord {
  const running = buildsOf(store, context, pipeline.name).find(({ state }) => state === 'running')
  if (running) {
    throw new Ec2Error(
      'IncorrectState',
      `Build ${running.number} of ${pipeline.name} is running. Wait for it, or end it: kiln pipeline cancel ${pipeline.name}`,
    )
  }
  const known = findPipelineRecord(store, context, pipeline.name)
  const number = known.lastBuildNumber + 1
  savePipelineRecord(store, { ...known, lastBuildNumber: number })
  const { accountId, region } = context
  const build: PipelineBuildRecord = {
    accountId,
    region,
    id: taskId,
    pipeline: pipeline.name,
    number,
    cause,
    state: 'running',
    regions: [...new Set([region, ...pipeline.distribution.regions])],
    components: pipeline.components.map(({ name, version }) => `${name}@${version}`),
    startedAt: context.now.toISOString(),
  }
  store.pipelineBuilds.insert(build)
  return build
}
