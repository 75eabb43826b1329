import type { OperationCaller } from '../api/contract.ts'
import type { Architecture, LabImage } from './lab.ts'
import { type ImageRecord, type Observed, tagOf } from './observed.ts'
import { pipelineTag } from '../ec2/pipeline/pipeline.ts'

/** What the daemon can make and run. */
export interface HostFacts {
  /** Architectures of recipes by name; the one of a build that asks for none comes first. */
  readonly recipes: ReadonlyMap<string, readonly string[]>
  /** Architectures of catalogue entries by name. */
  readonly catalog: ReadonlyMap<string, string>
  /** Architectures that each instance type runs. */
  readonly instanceTypes: ReadonlyMap<string, readonly string[]>
}

/** Asks the daemon for its recipes, its catalogue and its instance types. */
export async function readHostFacts(call: OperationCaller): Promise<HostFacts> {
  const [recipes, catalog, types] = await Promise.all([
    call('KilnDescribeRecipes', {}),
    call('KilnDescribeCatalog', {}),
    listTypes(call),
  ])
  return {
    recipes: new Map(recipes.Recipes.map(({ Name, Architectures }) => [Name, Architectures])),
    catalog: new Map(catalog.Entries.map(({ Name, Architecture }) => [Name, Architecture])),
    instanceTypes: types,
  }
}

async function listTypes(call: OperationCaller): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  let token: string | undefined
  do {
    const answer = await call('DescribeInstanceTypes', token ? { NextToken: token } : {})
    for (const { InstanceType: name = '', ProcessorInfo: processor } of answer.InstanceTypes ?? []) {
      found.set(name, processor?.SupportedArchitectures ?? [])
    }
    token = answer.NextToken
  } while (token)
  return found
}

/** The AMI that an entry means, if it is there: by id, or the newest of its name or its pipeline. */
export function findImage({ images, pipelines }: Observed, { name, source }: LabImage): ImageRecord | undefined {
  if (source.kind === 'existing' && /^ami-[0-9a-f]{8,17}$/.test(name)) {
    return images.find(({ ImageId: id }) => id === name)
  }
  const isMeant = (image: ImageRecord) => {
    if (source.kind !== 'pipeline') return image.Name === name
    // What is still tested is nobody's image yet.
    const last = pipelines.find(({ Name: pipeline }) => pipeline === source.pipeline)?.LastBuild
    const isOfLast = last !== undefined && tagOf(image, pipelineTag.build) === last.BuildId
    return tagOf(image, pipelineTag.pipeline) === source.pipeline && (!isOfLast || last.State === 'succeeded')
  }
  return images.filter(isMeant).sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0]
}

/** What an image runs on; undefined when it is neither there nor known. */
export function architectureOf(image: LabImage, observed: Observed, facts: HostFacts): Architecture | undefined {
  const found = findImage(observed, image)
  if (found) return found.Architecture as Architecture
  const { source } = image
  switch (source.kind) {
    case 'recipe':
      return source.architecture ?? (facts.recipes.get(source.recipe)?.[0] as Architecture | undefined)
    case 'catalog':
      return facts.catalog.get(source.entry) as Architecture | undefined
    case 'import':
      return source.architecture
    case 'pipeline':
    case 'existing':
      return undefined
  }
}
