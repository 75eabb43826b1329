import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { isAbsolute } from 'node:path'
import fsExtra from 'fs-extra'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { Catalog } from '../ports/catalog.ts'
import type { Checksum, DiskHost } from '../ports/disk.ts'
import type { ImageBuilder } from '../ports/image-builder.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { Architecture } from '../ports/accelerator.ts'
import type { Scope } from '../ports/store.ts'
import type { TaskResult } from '../task/task.ts'
import { isObjectUrl, readObjectUrl } from '../transfer/object-url.ts'
import type { SourceFetcher } from '../transfer/source-fetcher.ts'
import type { BootMode } from './boot-settings.ts'
import { imageTag } from './image-tag.ts'
import type { ImagePublisher } from './publisher.ts'

/** Ways in which an image comes into being; each ends in a published AMI. */
export interface ImageWork {
  build(scope: Scope, request: BuildRequest, job: ImageJob): Promise<TaskResult>
  /** Answers the image that is there already when it was made of the very file that the publisher has now. */
  pull(scope: Scope, request: { catalogName: string; name?: string | undefined }, job: ImageJob): Promise<TaskResult>
  import(scope: Scope, request: ImportRequest, job: ImageJob): Promise<TaskResult>
}

/** The task that does it: a private empty directory, cancellation and progress. */
export interface ImageJob extends WorkOptions {
  readonly directory: string
}

export interface BuildRequest {
  readonly recipe: string
  readonly name?: string | undefined
  /** The recipe's own choice when absent. */
  readonly architecture?: Architecture | undefined
  readonly bootMode?: BootMode | undefined
}

export interface ImportRequest {
  readonly source: string
  readonly name: string
  readonly description?: string | undefined
  readonly architecture?: Architecture | undefined
  readonly bootMode?: BootMode | undefined
  readonly checksum?: string | undefined
  readonly loginUser?: string | undefined
  /** Of the marketplace product that the image is; see PublishRequest. */
  readonly productCodes?: readonly string[]
}

export interface ImageWorkDependencies {
  readonly disks: DiskHost
  readonly fetcher: SourceFetcher
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly publisher: ImagePublisher
  /** Told of the directory of a build, which may hold a kernel that serves to prove an accelerator. */
  readonly onBuilt: (directory: string) => Promise<void>
}

export function createImageWork(dependencies: ImageWorkDependencies): ImageWork {
  const { disks, fetcher, builder, catalog, publisher } = dependencies

  return {
    build: async (scope, request, job) => {
      const built = await builder.build(request.recipe, request.architecture, job.directory, job)
      await dependencies.onBuilt(job.directory)
      return await publisher.publish(scope, {
        source: built.path,
        name: request.name ?? built.name,
        isNameFixed: request.name !== undefined,
        description: built.description,
        architecture: built.architecture,
        isQuickStart: true,
        bootMode: request.bootMode,
        tags: { [imageTag.loginUser]: built.loginUser, [imageTag.recipe]: request.recipe },
        job,
      })
    },
    pull: async (scope, request, job) => {
      job.onProgress({ stage: "Reading the publisher's checksums" })
      const { entry, url, checksum } = await catalog.locate(request.catalogName, job.signal)
      const digest = `${checksum.algorithm}:${checksum.value}`
      return await disks.withDownload(url, job, async (fetch) => {
        const present = publisher.findBySource(scope, digest, request.name)
        if (present) {
          return {
            imageId: present.id,
            note: `${present.id} (${present.name}) is this very image: nothing was pulled.`,
          }
        }
        if (request.name !== undefined) publisher.refuseTakenName(scope, request.name)
        return await publisher.publish(scope, {
          source: await fetch(checksum),
          name: request.name ?? entry.name,
          isNameFixed: request.name !== undefined,
          description: entry.description,
          architecture: entry.architecture,
          isQuickStart: true,
          tags: {
            [imageTag.loginUser]: entry.loginUser,
            [imageTag.catalog]: entry.name,
            [imageTag.source]: withoutQuery(url),
            [imageTag.sourceDigest]: digest,
          },
          job,
        })
      })
    },
    import: async (scope, request, job) => {
      const checksum = request.checksum === undefined ? undefined : parseChecksum(request.checksum)
      const publish = async (path: string, source: string): Promise<TaskResult> =>
        await publisher.publish(scope, {
          source: path,
          name: request.name,
          isNameFixed: true,
          description: request.description ?? '',
          architecture: request.architecture ?? 'x86_64',
          ...(request.productCodes ? { productCodes: request.productCodes } : {}),
          bootMode: request.bootMode,
          tags: {
            [imageTag.loginUser]: request.loginUser,
            [imageTag.source]: source,
            [imageTag.sourceDigest]: checksum && `${checksum.algorithm}:${checksum.value}`,
          },
          job,
        })
      const { source } = request
      if (/^https?:/i.test(source)) {
        if (!URL.canParse(source)) throw invalidParameterValue('Source', source, 'It is not a URL.')
        return await disks.withDownload(source, job, async (fetch) =>
          publish(await fetch(checksum), withoutQuery(source)),
        )
      }
      if (isObjectUrl(source)) {
        return await fetcher.use({ kind: 'object', ...readObjectUrl(source) }, job.directory, job, async (path) => {
          if (checksum) await verify(path, source, checksum, job)
          return await publish(path, source)
        })
      }
      await requireReadable(source)
      if (checksum) await verify(source, source, checksum, job)
      return await publish(source, source)
    },
  }

  async function verify(path: string, source: string, checksum: Checksum, job: ImageJob): Promise<void> {
    job.onProgress({ stage: 'Verifying' })
    const found = await disks.digest(path, checksum.algorithm, job.signal)
    if (found === checksum.value) return
    throw new Ec2Error(
      'ChecksumMismatch',
      `${source} does not have the expected ${checksum.algorithm} digest: expected ${checksum.value}, found ${found}.`,
    )
  }
}

async function requireReadable(path: string): Promise<void> {
  if (!isAbsolute(path))
    throw invalidParameterValue('Source', path, 'Expected an absolute path, an http(s) URL, or s3://BUCKET/KEY.')
  try {
    await access(path, constants.R_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const { username } = userInfo()
    const why =
      code === 'ENOENT'
        ? `There is no file ${path}.`
        : `The daemon runs as ${username} and cannot read ${path} (${code}): copy it to where ${username} may read it.`
    throw new Ec2Error('InvalidDiskImage', why)
  }
  if (!(await fsExtra.stat(path)).isFile()) throw new Ec2Error('InvalidDiskImage', `${path} is not a regular file.`)
}

/** A query may hold a secret that lends access; it is no part of what the file is. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function parseChecksum(text: string): Checksum {
  const match = /^(sha256|sha512):([0-9a-f]+)$/i.exec(text)
  const algorithm = match?.[1]?.toLowerCase()
  const value = match?.[2]?.toLowerCase() ?? ''
  if (algorithm === 'sha256' && value.length === 64) return { algorithm, value }
  if (algorithm === 'sha512' && value.length === 128) return { algorithm, value }
  throw invalidParameterValue('Checksum', text, 'Expected sha256:HEX or sha512:HEX.')
}
