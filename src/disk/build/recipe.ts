import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'

const packageName = z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/)

const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  description: z.string().min(1),
  architecture: z.literal('x86_64'),
  loginUser: z.string().regex(/^[a-z][a-z0-9-]*$/),
  suite: z.string().regex(/^[a-z]+$/),
  diskMib: z.int().min(32).max(65_536),
}

const nanoSchema = z.strictObject({
  kind: z.literal('nano'),
  ...common,
  kernelPackage: z.string(),
  packages: z.array(packageName),
  files: z.array(z.string().regex(/^[^/].*$/)),
  libraries: z.array(z.string().regex(/^[^/]+$/)),
  modules: z.array(z.string().regex(/^[a-z0-9_]+$/)),
})

const debianSchema = z.strictObject({
  kind: z.literal('debian'),
  ...common,
  /** What the finished server takes its packages from; the build itself uses images.debianMirror of the configuration. */
  mirror: z.url(),
  /** What is installed besides what is essential; what these depend on comes with them, what they recommend does not. */
  packages: z.array(packageName).min(1),
})

const recipeSchema = z.discriminatedUnion('kind', [nanoSchema, debianSchema])

/** The smallest server: chosen files of chosen packages. */
export type NanoRecipe = z.infer<typeof nanoSchema>

/** A whole Debian, installed by its own package manager. */
export type DebianRecipe = z.infer<typeof debianSchema>

/** What images/recipes/NAME.yaml says. */
export type Recipe = NanoRecipe | DebianRecipe

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
