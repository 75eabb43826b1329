import { createHash } from 'node:crypto'
import type { Pipeline, PipelineStep } from './pipeline.ts'

/**
 * A digest of all that an image of a pipeline depends on: its base, what is done in it with the content of the files, and what is tested.
 * How it is named and where it goes is no part of it, nor is the value of a secret, which must not be guessed by it.
 */
export function digestPipeline(
  pipeline: Pipeline,
  baseImageId: string,
  parameters: ReadonlyMap<string, string>,
): string {
  const isSecret = (name: string) => pipeline.parameters.get(name)?.isSecret ?? false
  const dependsOn = {
    baseImageId,
    instanceType: pipeline.instanceType,
    diskGib: pipeline.diskGib,
    parameters: [...parameters]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, isSecret(name) ? '' : value]),
    components: pipeline.components.map(({ name, version, steps }) => [name, version, steps.map(describeStep)]),
    tests: pipeline.tests.map(describeStep),
  }
  return createHash('sha256').update(JSON.stringify(dependsOn)).digest('hex')
}

/** A title or a time limit changes nothing of the result. */
function describeStep(step: PipelineStep): unknown {
  const { title: _title, timeoutMs: _timeoutMs, ...rest } = step
  return rest.kind === 'copy' ? { ...rest, content: rest.content.toString('base64') } : rest
}
