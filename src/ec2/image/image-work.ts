import { isAbsolute, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { BuiltDisk, Catalog, Checksum, DiskHost, ImageBuilder, WorkOptions } from '../ports/disk.ts'
import type { Architecture } from '../ports/machine.ts'
import type { Scope } from '../ports/store.ts'
import type { ImagePublisher } from './publisher.ts'

/** Ways in which an image comes into being; each ends in a published AMI and answers its id. */
export interface ImageWork {
  build(scope: Scope, request: { recipe: string; name?: string | undefined }, job: ImageJob): Promise<string>
  pull(scope: Scope, request: { catalogName: string; name?: string | undefined }, job: ImageJob): Promise<string>
  import(scope: Scope, request: ImportRequest, job: ImageJob): Promise<string>
}

/** The task that does it: a private empty directory, cancellation and progress. */
export interface ImageJob extends WorkOptions {
  readonly directory: string
}

export interface ImportRequest {
  readonly source: string
  readonly name: string
  readonly description?: string | undefined
  readonly architecture?: Architecture | undefined
  readonly checksum?: string | undefined
  readonly loginUser?: string | undefined
}

export interface ImageWorkDependencies {
  readonly paths: StatePaths
  readonly disks: DiskHost
  readonly catalog: Catalog
  readonly builder: ImageBuilder
  readonly publisher: ImagePublisher
  readonly log: Logger
  /** Told of a kernel that may serve to prove an accelerator. */
  readonly onKernel: (built: BuiltDisk) => Promise<void>
}

export function createImageWork(dependencies: ImageWorkDependencies): ImageWork {
  const { paths, disks, catalog, builder, publisher } = dependencies

  async function download(url: string, name: string, checksum: Checksum | undefined, job: ImageJob): Promise<string> {
    const directory = join(paths.cache, 'downloads')
    await ensurePrivateDirectory(directory)
    // The cache keeps a broken download, so that the next try goes on where this one ended.
    const file = join(directory, name)
    if (!(await fsExtra.pathExists(file))) await disks.download(url, file, checksum, job)
    return file
  }

  return {
    build: async (scope, request, job) => {
      const built = await builder.build(request.recipe, job.directory, job)
      await dependencies.onKernel(built)
      return await publisher.publish(scope, {
        source: built.path,
        name: request.name ?? publisher.freeName(scope, built.name),
        description: built.description,
        architecture: built.architecture,
        loginUser: built.loginUser,
        job,
      })
    },
    pull: async (scope, request, job) => {
      const entry = (await catalog.list()).find(({ name }) => name === request.catalogName)
      if (!entry) {
        throw invalidParameterValue('CatalogName', request.catalogName, 'See `kiln image catalog` for the names.')
      }
      const checksum = await catalog.resolveChecksum(entry, job.signal)
      // Named by its digest: a newer image under the same URL is another file.
      const file = await download(entry.url, `${entry.name}-${checksum.value.slice(0, 16)}`, checksum, job)
      const imageId = await publisher.publish(scope, {
        source: file,
        name: request.name ?? publisher.freeName(scope, entry.name),
        description: entry.description,
        architecture: entry.architecture,
        loginUser: entry.loginUser,
        job,
      })
      await fsExtra.remove(file)
      return imageId
    },
    import: async (scope, request, job) => {
      const checksum = request.checksum === undefined ? undefined : parseChecksum(request.checksum)
      const file = await locate(request.source, checksum, job)
      return await publisher.publish(scope, {
        source: file,
        name: request.name,
        description: request.description ?? '',
        architecture: request.architecture ?? 'x86_64',
        ...(request.loginUser === undefined ? {} : { loginUser: request.loginUser }),
        job,
      })
    },
  }

  async function locate(source: string, checksum: Checksum | undefined, job: ImageJob): Promise<string> {
    if (/^https?:\/\//.test(source)) {
      const file = join(job.directory, 'download')
      await disks.download(source, file, checksum, job)
      return file
    }
    if (!isAbsolute(source))
      throw invalidParameterValue('Source', source, 'Expected an absolute path or an http(s) URL.')
    if (checksum) throw invalidParameterValue('Checksum', checksum.value, 'A checksum is for downloads only.')
    const stat = await fsExtra.stat(source).catch((error: NodeJS.ErrnoException) => {
      throw new Ec2Error('InvalidDiskImage', `The file ${source} cannot be read: ${error.code ?? error.message}`)
    })
    if (!stat.isFile()) throw new Ec2Error('InvalidDiskImage', `${source} is not a regular file`)
    return source
  }
}

function parseChecksum(text: string): Checksum {
  const match = /^(sha256|sha512):([0-9a-f]+)$/i.exec(text)
  const algorithm = match?.[1]?.toLowerCase()
  const value = match?.[2]?.toLowerCase() ?? ''
  if (algorithm === 'sha256' && value.length === 64) return { algorithm, value }
  if (algorithm === 'sha512' && value.length === 128) return { algorithm, value }
  throw invalidParameterValue('Checksum', text, 'Expected sha256:HEX or sha512:HEX.')
}
