import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type { Pipeline } from '../ec2/pipeline/pipeline.ts'
import {
  invalidPipeline,
  type ListedPipeline,
  type PipelineLibrary,
  pipelineNotFound,
} from '../ec2/pipeline/pipeline-library.ts'
import { pipelineName } from '../ec2/pipeline/pipeline-name.ts'
import { componentSchema, pipelineSchema } from '../ec2/pipeline/schema/pipeline-schema.ts'
import { type ComponentShelf, type PipelineFiles, spellOut } from '../ec2/pipeline/spell-out.ts'
import type { Store } from '../ec2/ports/store.ts'
import { findNearestName } from '../ec2/nearest-name.ts'
import { ConfigurationError, openYamlFile } from './yaml-file.ts'

const extension = '.yaml'
const maximumYamlBytes = 256 * 1024
/** A file goes into a server through memory. */
const maximumFileBytes = 64 * 1024 ** 2

/**
 * Reads `pipelines/NAME.yaml` and `components/NAME.yaml` of the directories; of two files of one name the one of the later directory counts.
 * Pipelines that labs have put are in the records.
 */
export function createPipelineLibrary({
  store,
  directories,
}: {
  store: Store
  directories: readonly string[]
}): PipelineLibrary {
  async function filesOf(kind: 'pipelines' | 'components'): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const directory of directories) {
      const names = await readdir(join(directory, kind)).catch(() => [])
      for (const file of names) {
        const name = basename(file, extension)
        if (file.endsWith(extension) && pipelineName.test(name)) found.set(name, join(directory, kind, file))
      }
    }
    return found
  }

  const shelf: ComponentShelf = {
    find: async (name) => {
      const files = await filesOf('components')
      const path = files.get(name)
      if (path === undefined) {
        const nearest = findNearestName(name, [...files.keys()])
        return { problem: `there is no component ${name}${nearest === undefined ? '.' : `; did you mean ${nearest}?`}` }
      }
      try {
        const { value } = openYamlFile(await readText(path), path, componentSchema)
        return { file: value, files: filesBeside(path) }
      } catch (error) {
        return { problem: problemOf(error) }
      }
    },
  }

  async function read(name: string, text: string, source: string, files: PipelineFiles): Promise<Pipeline> {
    const file = openYamlFile(text, source, pipelineSchema)
    const { pipeline, problems } = await spellOut(name, file.value, { files, shelf })
    if (problems.length > 0) throw file.errorOf(problems)
    return pipeline
  }

  async function define(name: string, work: () => Promise<Pipeline>, source: string): Promise<ListedPipeline> {
    try {
      return { name, source, definition: await work() }
    } catch (error) {
      return { name, source, definition: { problem: problemOf(error) } }
    }
  }

  const library: PipelineLibrary = {
    list: async (scope) => {
      const files = [...(await filesOf('pipelines'))].map(([name, path]) =>
        define(name, async () => read(name, await readText(path), path, filesBeside(path)), path),
      )
      const put = store.pipelines
        .list(scope)
        .flatMap(({ name, put: own }) =>
          own ? [define(name, () => read(name, own.document, name, filesOfDocument), `lab ${own.lab}`)] : [],
        )
      const all = new Map((await Promise.all([...files, ...put])).map((listed) => [listed.name, listed]))
      return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    load: async (scope, name) => {
      const listed = await library.list(scope)
      const found = listed.find((one) => one.name === name)
      if (!found)
        throw pipelineNotFound(
          name,
          listed.map((one) => one.name),
        )
      if ('problem' in found.definition) throw invalidPipeline(found.definition.problem)
      return found.definition
    },
    check: async (name, document) => {
      const { definition } = await define(name, () => read(name, document, name, filesOfDocument), name)
      if ('problem' in definition) throw invalidPipeline(definition.problem)
      return definition
    },
  }
  return library
}

/** A document that came over the socket has no place that paths could begin at. */
const filesOfDocument: PipelineFiles = {
  locate: (path) => path,
  read: async (path) =>
    isAbsolute(path) ? await readOwn(path) : { problem: `${path} is not an absolute path, which it must be here.` },
}

function filesBeside(yamlPath: string): PipelineFiles {
  const locate = (path: string) => resolve(dirname(yamlPath), path)
  return { locate, read: (path) => readOwn(locate(path)) }
}

async function readOwn(full: string): ReturnType<PipelineFiles['read']> {
  try {
    const facts = await stat(full)
    if (!facts.isFile()) return { problem: `${full} is not a regular file.` }
    if (facts.size > maximumFileBytes) {
      return { problem: `${full} has ${facts.size} bytes; at most ${maximumFileBytes} can be copied.` }
    }
    return { content: await readFile(full) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { problem: code === 'ENOENT' ? `there is no file ${full}.` : `${full} cannot be read (${code}).` }
  }
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path)
  if (size > maximumYamlBytes) throw new ConfigurationError(`${path}:1:1: it has more than ${maximumYamlBytes} bytes.`)
  return await readFile(path, 'utf8')
}

function problemOf(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message
  // Thousands of brackets overflow the stack of the YAML parser.
  if (error instanceof RangeError) return 'it is nested too deeply.'
  return error instanceof Error ? error.message : String(error)
}
