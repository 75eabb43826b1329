import type { Pipeline, PipelineBase, PipelineComponent, PipelineParameter, PipelineStep } from './pipeline.ts'
import type { ComponentFile, PipelineFile, StepEntry } from './schema/pipeline-schema.ts'
import { durationMs } from './schema/step-schema.ts'
import { checkTemplate, templateNames } from './template.ts'

/** The files that a pipeline or a component names, by paths beside it. */
export interface PipelineFiles {
  read(path: string): Promise<{ readonly content: Buffer } | { readonly problem: string }>
  /** Where a path leads. */
  locate(path: string): string
}

/** Where the components of `use` are. Their own mistakes are a problem of whoever uses them. */
export interface ComponentShelf {
  find(
    name: string,
  ): Promise<{ readonly file: ComponentFile; readonly files: PipelineFiles } | { readonly problem: string }>
}

/** A mistake that the schema cannot see, and where it is. */
export interface PipelineProblem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

const defaultStepTimeoutMs = 30 * 60_000
const defaultLaunchTimeoutMs = 15 * 60_000
const defaultImageName = '${pipeline}-${date}-${build}'

/** The pipeline that a checked file means, with every problem that was found on the way; it is of no use when there is one. */
export async function spellOut(
  name: string,
  entry: PipelineFile,
  { files, shelf }: { files: PipelineFiles; shelf: ComponentShelf },
): Promise<{ pipeline: Pipeline; problems: PipelineProblem[] }> {
  const problems: PipelineProblem[] = []
  const found = await spellOutComponents(entry, { files, shelf }, problems)
  const parameters = await spellOutParameters(entry, files, problems)
  const { image = {}, distribution = {}, retention, schedule } = entry
  checkTemplates(entry, parameters, problems)
  const pipeline: Pipeline = {
    name,
    description: entry.description ?? '',
    ...(entry.region ? { region: entry.region } : {}),
    base: baseOf(entry.base),
    ...(entry.instanceType ? { instanceType: entry.instanceType } : {}),
    ...(entry.disk ? { diskGib: entry.disk } : {}),
    ...(entry.subnet ? { subnetId: entry.subnet } : {}),
    parameters,
    components: found.map(({ component }) => component),
    tests: [
      ...found.flatMap(({ tests }) => tests),
      ...(await spellOutSteps(entry.tests ?? [], files, ['tests'], problems)),
    ],
    image: {
      name: image.name ?? defaultImageName,
      description: image.description ?? entry.description ?? '',
      tags: image.tags ?? {},
    },
    distribution: {
      regions: [...new Set(distribution.regions ?? [])],
      accountIds: [...new Set(distribution.accounts ?? [])],
      isPublic: distribution.public ?? false,
      registries: (distribution.registries ?? []).map(({ image, signingKey, signingKeyPassword: password }) => ({
        reference: image,
        ...(signingKey === undefined ? {} : { signingKeyFile: files.locate(signingKey) }),
        ...(password === undefined ? {} : { passwordParameter: password }),
      })),
    },
    ...(retention ? { retention: { keep: retention.keep, isIncludingUsed: retention.evenIfUsed ?? false } } : {}),
    ...(schedule
      ? {
          schedule: {
            cron: schedule.cron,
            ...(schedule.timeZone ? { timeZone: schedule.timeZone } : {}),
            isCaughtUp: schedule.catchUp ?? true,
          },
        }
      : {}),
    launchTimeoutMs: entry.launchTimeout ? durationMs(entry.launchTimeout) : defaultLaunchTimeoutMs,
  }
  return { pipeline, problems }
}

function baseOf({
  image,
  name,
  owner,
  recipe,
  architecture = 'x86_64',
  catalog,
  pipeline = '',
}: PipelineFile['base']): PipelineBase {
  if (image !== undefined) return { kind: 'image', imageId: image }
  if (name !== undefined) return { kind: 'name', pattern: name, ...(owner ? { ownerId: owner } : {}) }
  if (recipe !== undefined) return { kind: 'recipe', recipe, architecture }
  return catalog === undefined ? { kind: 'pipeline', pipeline } : { kind: 'catalog', entry: catalog }
}

interface FoundComponent {
  readonly component: PipelineComponent
  readonly tests: readonly PipelineStep[]
}

async function spellOutComponents(
  entry: PipelineFile,
  { files, shelf }: { files: PipelineFiles; shelf: ComponentShelf },
  problems: PipelineProblem[],
): Promise<FoundComponent[]> {
  const found: FoundComponent[] = []
  for (const [index, { use, name = '', version = '', steps = [], tests = [] }] of entry.components.entries()) {
    const path = ['components', index]
    if (use === undefined) {
      found.push({
        component: { name, version, steps: await spellOutSteps(steps, files, [...path, 'steps'], problems) },
        tests: await spellOutSteps(tests, files, [...path, 'tests'], problems),
      })
      continue
    }
    const shelved = await shelf.find(use)
    if ('problem' in shelved) {
      problems.push({ path: [...path, 'use'], message: shelved.problem })
      continue
    }
    const { file } = shelved
    if (version !== '' && version !== file.version) {
      problems.push({ path: [...path, 'version'], message: `the component ${use} has the version ${file.version}.` })
    }
    // What its files lack is told at the place that uses it.
    const own: PipelineProblem[] = []
    found.push({
      component: {
        name: use,
        version: file.version,
        steps: await spellOutSteps(file.steps, shelved.files, ['steps'], own),
      },
      tests: await spellOutSteps(file.tests ?? [], shelved.files, ['tests'], own),
    })
    problems.push(...own.map(({ message }) => ({ path: [...path, 'use'], message: `${use}: ${message}` })))
  }
  return found
}

async function spellOutSteps(
  entries: readonly StepEntry[],
  files: PipelineFiles,
  path: readonly PropertyKey[],
  problems: PipelineProblem[],
): Promise<PipelineStep[]> {
  const steps: PipelineStep[] = []
  for (const [index, entry] of entries.entries()) {
    const read = async (file: string, ...key: string[]): Promise<Buffer> => {
      const answer = await files.read(file)
      if ('content' in answer) return answer.content
      problems.push({ path: [...path, index, ...key], message: answer.problem })
      return Buffer.alloc(0)
    }
    steps.push(await spellOutStep(entry, read))
  }
  return steps
}

async function spellOutStep(
  entry: StepEntry,
  read: (file: string, ...key: string[]) => Promise<Buffer>,
): Promise<PipelineStep> {
  const { copy, packages, run, script } = entry
  const common = {
    timeoutMs: entry.timeout ? durationMs(entry.timeout) : defaultStepTimeoutMs,
    environment: entry.environment ?? {},
  }
  if (entry.reboot) return { ...common, kind: 'reboot', title: entry.name ?? 'reboot' }
  if (packages) return { ...common, kind: 'packages', title: entry.name ?? `install ${packages.join(', ')}`, packages }
  if (copy) {
    const { from, base64, content = '', to, mode = '0644', owner = 'root:root' } = copy
    const bytes = base64 === undefined ? Buffer.from(content) : Buffer.from(base64, 'base64')
    return {
      ...common,
      kind: 'copy',
      title: entry.name ?? `copy ${to}`,
      content: from === undefined ? bytes : await read(from, 'copy', 'from'),
      to,
      mode,
      owner,
    }
  }
  const text = script === undefined ? (run ?? '') : (await read(script, 'script')).toString('utf8')
  return { ...common, kind: 'script', title: entry.name ?? script ?? (text.trim().split('\n')[0] ?? '').trim(), text }
}

async function spellOutParameters(
  entry: PipelineFile,
  files: PipelineFiles,
  problems: PipelineProblem[],
): Promise<Map<string, PipelineParameter>> {
  const parameters = new Map<string, PipelineParameter>()
  for (const [name, { default: value, file, secret = false }] of Object.entries(entry.parameters ?? {})) {
    if (templateNames.has(name) || name.startsWith('KILN_')) {
      problems.push({ path: ['parameters', name], message: 'the name is taken.' })
    }
    const content = file === undefined ? undefined : await files.read(file)
    if (content && 'problem' in content) {
      problems.push({ path: ['parameters', name, 'file'], message: content.problem })
    }
    const read = content && 'content' in content ? content.content.toString('utf8').replace(/\r?\n$/, '') : value
    parameters.set(name, { ...(read === undefined ? {} : { value: read }), isSecret: secret })
  }
  return parameters
}

function checkTemplates(
  { image, distribution }: PipelineFile,
  parameters: ReadonlyMap<string, PipelineParameter>,
  problems: PipelineProblem[],
): void {
  const known = [...parameters].filter(([, { isSecret }]) => !isSecret).map(([name]) => name)
  const check = (text: string | undefined, ...path: PropertyKey[]) => {
    for (const message of checkTemplate(text ?? '', known)) problems.push({ path, message })
  }
  check(image?.name, 'image', 'name')
  check(image?.description, 'image', 'description')
  for (const [key, value] of Object.entries(image?.tags ?? {})) check(value, 'image', 'tags', key)
  for (const [index, registry] of (distribution?.registries ?? []).entries()) {
    const { image: reference, signingKeyPassword: password } = registry
    check(reference, 'distribution', 'registries', index, 'image')
    if (password === undefined || parameters.get(password)?.isSecret) continue
    const path = ['distribution', 'registries', index, 'signingKeyPassword']
    problems.push({ path, message: `there is no secret parameter ${password}.` })
  }
}
