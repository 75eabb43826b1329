import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { findCycle } from './cycle.ts'
import { embedPipelines } from './embed-pipeline.ts'
import type { Lab } from './lab.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { findNetworkProblems } from './network-check.ts'
import { ManifestError, type Problem } from './problem.ts'
import { manifestSchema } from './schema/manifest.ts'
import type { ManifestScope } from './schema/scope.ts'
import { createSourceMap, type SourceMap } from './source-map.ts'
import { spellOut } from './spell-out.ts'

export interface ManifestText {
  readonly text: string
  /** How messages call it. */
  readonly file: string
  /** Absent: the files that it names are not looked at, and what they hold is missing from the lab. */
  readonly files?: ManifestFiles
}

/** A manifest without mistakes, and how to place those that only the daemon can find. */
export interface ParsedManifest {
  readonly lab: Lab
  readonly source: SourceMap
}

const maximumLength = 256 * 1024
/** One mistake can make the YAML parser see a thousand. */
const maximumYamlErrors = 20
/** A few lines of aliases can stand for gigabytes. */
const maximumAliases = 100

/** Parses and checks a manifest as far as that goes without a daemon. Rejects with ManifestError, which tells every mistake. */
export async function parseManifest({ text, file, files }: ManifestText): Promise<ParsedManifest> {
  if (text.length > maximumLength)
    throw new ManifestError(`${file}:1:1: a manifest has at most ${maximumLength} bytes.`)
  const { value, source } = readYaml(text, file)
  const result = await manifestSchema(scopeOf(value, files)).safeParseAsync(value)
  const problems = [
    ...(result.error?.issues.flatMap(problemsOf) ?? []),
    ...findDependencyCycles(value),
    ...networkProblemsOf(value),
  ]
  if (problems.length > 0 || !result.data) throw source.errorOf(problems)
  const { pipelines, problems: missing } = await embedPipelines(result.data.name, result.data.pipelines ?? {}, files)
  if (missing.length > 0) throw source.errorOf(missing)
  const lab = { ...(await spellOut(result.data, files)), pipelines }
  const clashes = findImageClashes(lab)
  if (clashes.length > 0) throw source.errorOf(clashes)
  return { lab, source }
}

function readYaml(text: string, file: string): { value: unknown; source: SourceMap } {
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
    const mistakes = [...document.errors, ...document.warnings, ...findForbiddenKeys(document)]
    // The parser makes a mistake of it, one a bracket.
    if (mistakes.some(({ message }) => message.startsWith('Maximum call stack'))) throw new RangeError()
    const told = mistakes.slice(0, maximumYamlErrors).map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0])
      return `${file}:${line}:${col}: ${message}`
    })
    if (told.length > 0) throw new ManifestError(told.join('\n'))
    const value: unknown = document.toJS({ maxAliasCount: maximumAliases }) ?? {}
    return { value, source: createSourceMap(file, document, lines) }
  } catch (error) {
    if (error instanceof ManifestError) throw error
    // Thousands of brackets overflow the stack. Too many aliases are a ReferenceError.
    const why = error instanceof RangeError ? 'it is nested too deeply.' : (error as Error).message
    throw new ManifestError(`${file}:1:1: ${why}`)
  }
}

function scopeOf(value: unknown, files: ManifestFiles | undefined): ManifestScope {
  const instances = membersOf(value, 'instances')
  return {
    pipelines: Object.keys(membersOf(value, 'pipelines')),
    images: Object.keys(membersOf(value, 'images')),
    keyPairs: Object.keys(membersOf(value, 'keyPairs')),
    securityGroups: Object.keys(membersOf(value, 'securityGroups')),
    subnets: Object.keys(membersOf(value, 'subnets')),
    natGateways: Object.keys(membersOf(value, 'natGateways')),
    peerings: Object.keys(membersOf(value, 'peerings')),
    instances: Object.keys(instances),
    countOf: (name) => {
      const { count = 1 } = Object(instances[name]) as { count?: unknown }
      return Number.isInteger(count) && Number(count) > 0 ? Number(count) : undefined
    },
    ...(files ? { files } : {}),
  }
}

/** A map inside a value that may have any form. */
function membersOf(value: unknown, key: string): Record<string, unknown> {
  const members: unknown = (Object(value) as Record<string, unknown>)[key]
  return typeof members === 'object' && members !== null && !Array.isArray(members)
    ? (members as Record<string, unknown>)
    : {}
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n')
    return issue.keys.map((key, index) => ({
      path: [...issue.path, key],
      message: messages[index] ?? 'unknown key.',
      isOfKey: true,
    }))
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path: issue.path, message, isOfKey: true }))
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined')) {
    return [{ path: issue.path, message: 'is missing.' }]
  }
  return [{ path: issue.path, message: issue.message.replace(/^Invalid (input|option): /, '') }]
}

/** zod passes this key over without a word, and JavaScript gives it a meaning. */
function findForbiddenKeys(document: Document): { pos: readonly [number, number]; message: string }[] {
  const found: { pos: readonly [number, number]; message: string }[] = []
  visit(document, {
    Pair: (_key, { key }) => {
      if (!isScalar(key) || key.value !== '__proto__') return
      found.push({ pos: [key.range?.[0] ?? 0, 0], message: '__proto__ is not allowed as a key.' })
    },
  })
  return found
}

function networkProblemsOf(value: unknown): Problem[] {
  const { vpc } = Object(value) as { vpc?: unknown }
  return findNetworkProblems(vpc, {
    subnets: membersOf(value, 'subnets'),
    natGateways: membersOf(value, 'natGateways'),
    peerings: membersOf(value, 'peerings'),
    instances: membersOf(value, 'instances'),
  })
}

function findDependencyCycles(value: unknown): Problem[] {
  const graph = new Map(
    Object.entries(membersOf(value, 'instances')).map(([name, instance]) => {
      const { dependsOn } = Object(instance) as { dependsOn?: unknown }
      const names = Array.isArray(dependsOn) ? dependsOn.map(String) : Object.keys(Object(dependsOn) as object)
      return [name, names]
    }),
  )
  const cycle = findCycle(graph)
  if (!cycle) return []
  return [{ path: ['instances', cycle[0] ?? '', 'dependsOn'], message: `goes in a circle: ${cycle.join(' → ')}.` }]
}

/** Two entries that make one AMI must mean the same. */
function findImageClashes(lab: Lab): Problem[] {
  const images = [...lab.images.values()].filter(({ source }) => source.kind !== 'existing')
  return images.flatMap((image, index) => {
    const other = images
      .slice(0, index)
      .find(({ name, source }) => name === image.name && JSON.stringify(source) !== JSON.stringify(image.source))
    if (!other) return []
    const message = `makes the AMI ${image.name}, which images.${other.key} makes of something else; give one a name.`
    return [{ path: ['images', image.key], message }]
  })
}
