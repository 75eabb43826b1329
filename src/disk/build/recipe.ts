import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import type { Architecture } from '../../ec2/ports/accelerator.ts'
import { buildArchitectures } from './build-architecture.ts'

const packageName = z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/)

const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  description: z.string().min(1),
  loginUser: z.string().regex(/^[a-z][a-z0-9-]*$/),
  suite: z.string().regex(/^[a-z]+$/),
  diskMib: z.int().min(32).max(65_536),
}

/** What differs from architecture to architecture; a build that asks for none is of the first. */
function byArchitecture<Own extends z.ZodRawShape>(own: Own) {
  return z
    .partialRecord(z.enum(['x86_64', 'i386', 'arm64']), z.strictObject(own))
    .refine((architectures) => Object.keys(architectures).length > 0, 'expected at least one architecture.')
}

const relativePath = z.string().regex(/^[^/].*$/)

const moduleName = z.string().regex(/^[a-z0-9_]+$/)

const nanoSchema = z.strictObject({
  kind: z.literal('nano'),
  ...common,
  architectures: byArchitecture({
    kernelPackage: packageName,
    /** The dynamic loader, where programs name it. */
    loader: relativePath,
    packages: z.array(packageName),
  }),
  packages: z.array(packageName),
  /** `{multiarch}` in a path stands for the architecture's directory of libraries. */
  files: z.array(relativePath),
  libraries: z.array(z.string().regex(/^[^/]+$/)),
  modules: z.array(moduleName),
  /** Inserted by machines that are to become templates alone. */
  templateModules: z.array(moduleName),
})

const debianSchema = z.strictObject({
  kind: z.literal('debian'),
  ...common,
  /** What the finished server takes its packages from; the build itself uses images.debianMirror of the configuration. */
  mirror: z.url(),
  architectures: byArchitecture({ packages: z.array(packageName).min(1) }),
  /** What is installed besides what is essential; what these depend on comes with them, what they recommend does not. */
  packages: z.array(packageName).min(1),
})

const recipeSchema = z.discriminatedUnion('kind', [nanoSchema, debianSchema])

/** What images/recipes/NAME.yaml says. */
export type Recipe = z.infer<typeof recipeSchema>

/** A recipe for one architecture. */
interface OfArchitecture {
  readonly architecture: Architecture
}

/** The smallest server: chosen files of chosen packages. */
export type NanoRecipe = Omit<z.infer<typeof nanoSchema>, 'architectures'> &
  OfArchitecture & { readonly kernelPackage: string; readonly loader: string }

/** A whole Debian, installed by its own package manager. */
export type DebianRecipe = Omit<z.infer<typeof debianSchema>, 'architectures'> & OfArchitecture

/** The architectures of a recipe, the one of a build that asks for none first. */
export function architecturesOf(recipe: Recipe): readonly Architecture[] {
  return Object.keys(recipe.architectures) as Architecture[]
}

/** The recipe as one architecture has it; undefined when it has it not. */
export function recipeFor(recipe: Recipe, architecture: Architecture): NanoRecipe | DebianRecipe | undefined {
  if (recipe.kind === 'debian') {
    const { architectures, packages, ...common } = recipe
    const own = architectures[architecture]
    return own && { ...common, architecture, packages: [...own.packages, ...packages] }
  }
  const { architectures, packages, files, ...common } = recipe
  const own = architectures[architecture]
  const { multiarch } = buildArchitectures[architecture]
  return (
    own && {
      ...common,
      architecture,
      kernelPackage: own.kernelPackage,
      loader: own.loader,
      packages: [...packages, ...own.packages],
      files: [...files.map((path) => path.replaceAll('{multiarch}', multiarch)), own.loader],
    }
  )
}

/** Reads one recipe. Rejects with an Error that names file, line and key. */
export async function readRecipe(path: string): Promise<Recipe> {
  return parseRecipe(path, await readFile(path, 'utf8'))
}

/** Reads every recipe of a directory, sorted by file name. */
export async function readRecipes(directory: string): Promise<readonly Recipe[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort()
  return Promise.all(names.map((name) => readRecipe(join(directory, name))))
}

/** Parses a recipe's text; `path` is for messages. Throws an Error that names file, line and key. */
export function parseRecipe(path: string, text: string): Recipe {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  const [syntaxError] = document.errors
  if (syntaxError) throw new Error(`${path}:${lineCounter.linePos(syntaxError.pos[0]).line}: ${syntaxError.message}`)
  const parsed = recipeSchema.safeParse(document.toJS())
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const key = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? [])
  const node = document.getIn(key, true) as { range?: readonly number[] } | undefined
  const line = lineCounter.linePos(node?.range?.[0] ?? 0).line
  throw new Error(`${path}:${line}: ${key.join('.')}: ${issue?.message ?? 'is not valid'}`)
}
