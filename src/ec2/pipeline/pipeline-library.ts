import { Ec2Error } from '../errors.ts'
import type { Scope } from '../ports/store.ts'
import type { Pipeline } from './pipeline.ts'

/** A pipeline that there is, or a file of one that cannot be used. */
export interface ListedPipeline {
  readonly name: string
  /** Where it stands: the path of its file, or that a lab has put it. */
  readonly source: string
  readonly definition: Pipeline | { readonly problem: string }
}

/** The pipelines of images/pipelines, Kiln's and the user's own, and those that labs have put; read anew each time. */
export interface PipelineLibrary {
  /** In the order of their names. */
  list(scope: Scope): Promise<ListedPipeline[]>
  /** Throws Pipeline.NotFound, or InvalidPipeline with a line for each mistake: `file:line:column: key: what is wrong`. */
  load(scope: Scope, name: string): Promise<Pipeline>
  /** Throws InvalidPipeline for a document that is no pipeline; it stands for itself, without files. */
  check(name: string, document: string): Promise<Pipeline>
}

export function pipelineNotFound(name: string, known: readonly string[]): Ec2Error {
  const hint = known.length > 0 ? ` There are: ${known.join(', ')}.` : ''
  return new Ec2Error('InvalidPipeline.NotFound', `There is no pipeline ${name.slice(0, 80)}.${hint}`, 404)
}

export function invalidPipeline(problem: string): Ec2Error {
  return new Ec2Error('InvalidPipeline', problem)
}
