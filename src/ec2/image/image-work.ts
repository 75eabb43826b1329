import { isAbsolute, join } from 'node:path'
import fsExtra from 'fs-extra'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { Checksum, DiskHost, ImageBuilder, WorkOptions } from '../ports/disk.ts'
import type { Architecture } from '../ports/machine.ts'
import type { Scope } from '../ports/store.ts'
import type { ImagePublisher } from './publisher.ts'

/** Ways in which an image comes into being; each ends in a published AMI and answers its id. */
export interface ImageWork {
  build(scope: Scope, request: { recipe: string; name?: string | undefined }, job: ImageJob): Promise<string>
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
  readonly disks: DiskHost
  readonly builder: ImageBuilder
  readonly publisher: ImagePublisher
  /** Told of the directory of a build, which may hold a kernel that serves to prove an accelerator. */
  readonly onBuilt: (directory: string) => Promise<void>
}

export function createImageWork(dependencies: ImageWorkDependencies): ImageWork {
  const { disks, builder, publisher } = dependencies

  return {
    build: async (scope, request, job) => {
      const built = await builder.build(request.recipe, job.directory, job)
      await dependencies.onBuilt(job.directory)
      return await publisher.publish(scope, {
        source: built.path,
        name: request.name ?? publisher.freeName(scope, built.name),
        description: built.description,
        architecture: built.architecture,
        loginUser: built.loginUser,
        job,
      })
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
