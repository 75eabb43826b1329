import { isAbsolute, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { UserBucket } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import type { CallContext } from '../operation.ts'
import { type ExportFormat, exportFormats } from '../ports/disk.ts'
import { isObjectUrl, readObjectUrl } from './object-url.ts'
import { requireObjectPlace } from './require-bucket.ts'
import type { DiskSource } from './transfer.ts'

/** How EC2 lets a caller say where a disk is. */
interface DiskContainer {
  readonly Url?: string | undefined
  readonly UserBucket?: UserBucket | undefined
  readonly SnapshotId?: string | undefined
}

type Rules = Pick<Domain, 'objects' | 'settings'>

/**
 * Where a container's disk comes from. Files of this host, and addresses that the host can reach, are the operator's to give away: a file is
 * taken over the unix socket or from one of `images.importDirectories`, an http(s) address from the socket or from the long-term keys of the
 * daemon's own account. Everyone has the buckets that are for him.
 */
export function readDiskSource(rules: Rules, context: CallContext, container: DiskContainer): DiskSource | undefined {
  const { Url: url, UserBucket: userBucket, SnapshotId: snapshotId } = container
  const given = [url, userBucket, snapshotId].filter((one) => one !== undefined && one !== '')
  if (given.length > 1) {
    throw invalidParameterCombination('A disk container has one of Url, UserBucket and SnapshotId.')
  }
  if (userBucket) {
    const { S3Bucket: bucket, S3Key: key } = userBucket
    if (!bucket) throw missingParameter('UserBucket.S3Bucket')
    if (!key) throw missingParameter('UserBucket.S3Key')
    return { kind: 'object', ...requireObjectPlace(rules, context, { bucket, key }) }
  }
  return url ? readUrl(rules, context, url) : undefined
}

function readUrl(rules: Rules, context: CallContext, url: string): DiskSource {
  const shown = url.slice(0, 200)
  if (isObjectUrl(url)) return { kind: 'object', ...requireObjectPlace(rules, context, readObjectUrl(url)) }
  if (!URL.canParse(url)) throw invalidParameterValue('Url', shown, 'It is not a URL.')
  const { protocol } = new URL(url)
  switch (protocol) {
    case 'http:':
    case 'https:':
      if (!isOperator(context) && !isOwner(rules, context)) {
        throw notAuthorized(
          `fetch ${new URL(url).origin}: put the disk into a bucket that the configuration has for this account`,
        )
      }
      return { kind: 'url', url }
    case 'file:': {
      const path = pathOf(url)
      if (path === undefined) throw invalidParameterValue('Url', shown, 'It names no file of this host.')
      if (isOperator(context)) return { kind: 'file', path }
      const within = rules.settings.importDirectories.find((directory) => path.startsWith(`${directory}/`))
      if (within !== undefined) return { kind: 'file', path, within }
      throw notAuthorized(
        'import files of the host over the network: only those in images.importDirectories may be, unless the call comes over the unix socket',
      )
    }
    default:
      throw invalidParameterValue('Url', shown, 'Disks come from s3, https, http and file URLs.')
  }
}

/** On the socket, whose permissions stand for the user who runs the daemon. */
export function isOperator({ identity }: CallContext): boolean {
  return identity.accessKeyId === undefined && identity.parent === undefined
}

function isOwner({ settings }: Rules, { accountId, identity }: CallContext): boolean {
  return accountId === settings.accountId && !identity.isTemporary && !identity.isRole
}

function notAuthorized(what: string): Ec2Error {
  return new Ec2Error('UnauthorizedOperation', `You are not authorized to ${what}.`, 403)
}

function pathOf(url: string): string | undefined {
  try {
    const path = fileURLToPath(url)
    return isAbsolute(path) && normalize(path) === path ? path : undefined
  } catch {
    return undefined
  }
}

/** EC2's names of formats, in any case, and Kiln's own qcow2. */
export function readDiskFormat(parameter: string, format: string | undefined): ExportFormat | undefined {
  if (format === undefined || format === '') return undefined
  const found = exportFormats.find((candidate) => candidate === format.toLowerCase())
  if (found) return found
  const known = exportFormats.map((name) => name.toUpperCase()).join(', ')
  throw invalidParameterValue(parameter, format.slice(0, 80), `Expected one of ${known}.`)
}
