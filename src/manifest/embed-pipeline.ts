import type { PipelineFile, StepEntry } from '../ec2/pipeline/schema/pipeline-schema.ts'
import { type LabPipeline, nameInLab } from './lab.ts'
import type { ManifestFiles } from './manifest-files.ts'
import type { Problem } from './problem.ts'

/**
 * The pipelines of a manifest as the daemon gets them: the files beside the manifest inside, but for those of secrets, which the daemon
 * reads itself when it builds. Also what is wrong with those files.
 */
export async function embedPipelines(
  lab: string,
  entries: Readonly<Record<string, PipelineFile>>,
  files: ManifestFiles | undefined,
): Promise<{ pipelines: Map<string, LabPipeline>; problems: Problem[] }> {
  const problems: Problem[] = []
  const pipelines = new Map<string, LabPipeline>()
  for (const [key, entry] of Object.entries(entries)) {
    const embedding = { files, problems, path: ['pipelines', key] }
    const document = JSON.stringify(await embed(embedding, ownBase(lab, entry, Object.keys(entries))))
    pipelines.set(key, { key, name: nameInLab(lab, key), document })
  }
  return { pipelines, problems }
}

interface Embedding {
  readonly files: ManifestFiles | undefined
  readonly problems: Problem[]
  readonly path: readonly PropertyKey[]
}

/** A pipeline of the same manifest has the lab's name before its own. */
function ownBase(lab: string, entry: PipelineFile, keys: readonly string[]): PipelineFile {
  const { pipeline } = entry.base
  if (pipeline === undefined || !keys.includes(pipeline)) return entry
  return { ...entry, base: { ...entry.base, pipeline: nameInLab(lab, pipeline) } }
}

async function embed(embedding: Embedding, entry: PipelineFile): Promise<PipelineFile> {
  const components = entry.components.map(async (component, index) => ({
    ...component,
    ...(component.steps ? { steps: await embedSteps(embedding, component.steps, ['components', index, 'steps']) } : {}),
    ...(component.tests ? { tests: await embedSteps(embedding, component.tests, ['components', index, 'tests']) } : {}),
  }))
  const parameters = Object.entries(entry.parameters ?? {}).map(async ([name, parameter]) => {
    const { file, ...rest } = parameter
    if (file === undefined) return [name, parameter] as const
    if (rest.secret) return [name, { ...rest, file: embedding.files?.locate(file) ?? file }] as const
    const content = await read(embedding, file, ['parameters', name, 'file'])
    return [name, { ...rest, default: content.toString('utf8').replace(/\r?\n$/, '') }] as const
  })
  const registries = entry.distribution?.registries?.map(({ signingKey, ...registry }) => ({
    ...registry,
    ...(signingKey === undefined ? {} : { signingKey: embedding.files?.locate(signingKey) ?? signingKey }),
  }))
  return {
    ...entry,
    components: await Promise.all(components),
    ...(entry.tests ? { tests: await embedSteps(embedding, entry.tests, ['tests']) } : {}),
    ...(entry.parameters ? { parameters: Object.fromEntries(await Promise.all(parameters)) } : {}),
    ...(registries ? { distribution: { ...entry.distribution, registries } } : {}),
  }
}

async function embedSteps<Step extends StepEntry>(
  embedding: Embedding,
  steps: readonly Step[],
  path: readonly PropertyKey[],
): Promise<Step[]> {
  return await Promise.all(
    steps.map(async (step, index) => {
      const { script, copy, ...rest } = step
      if (script !== undefined) {
        const text = await read(embedding, script, [...path, index, 'script'])
        return { name: script, ...rest, run: text.toString('utf8') } as unknown as Step
      }
      if (copy?.from === undefined) return step
      const { from, ...target } = copy
      const content = await read(embedding, from, [...path, index, 'copy', 'from'])
      return { ...rest, copy: { ...target, base64: content.toString('base64') } } as unknown as Step
    }),
  )
}

async function read({ files, problems, path }: Embedding, file: string, at: readonly PropertyKey[]): Promise<Buffer> {
  const answer = await files?.read(file)
  if (answer && 'content' in answer) return answer.content
  if (answer) problems.push({ path: [...path, ...at], message: answer.problem })
  return Buffer.alloc(0)
}
