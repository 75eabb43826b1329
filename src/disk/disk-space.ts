import { Ec2Error } from '../ec2/errors.ts'
import { freeBytes } from '../host/files.ts'

/** Left free by downloads and imports, for everything else that lives on the file system of the state directory. */
export const defaultReservedBytes = 256 * 1024 ** 2

/** Throws InsufficientDiskSpace, in numbers, when `path`'s file system cannot take so much and keep its reserve. */
export async function requireSpace(
  what: string,
  request: { path: string; neededBytes: number; reservedBytes: number },
): Promise<void> {
  const { path, neededBytes, reservedBytes } = request
  const free = await freeBytes(path)
  if (neededBytes + reservedBytes <= free) return
  throw new Ec2Error(
    'InsufficientDiskSpace',
    `There is not enough disk space: ${what} needs ${inMib(neededBytes)}, ${inMib(reservedBytes)} are to stay free, and ${path} has ${inMib(free)}. Free some, or set KILN_HOME to a directory on a larger disk.`,
  )
}

/** The disk ran full in the middle of the work. */
export function outOfSpace(what: string): Ec2Error {
  return new Ec2Error(
    'InsufficientDiskSpace',
    `The disk ran full during ${what}. Free some space, or set KILN_HOME to a directory on a larger disk.`,
  )
}

/** Whether an error is the file system's "no space left on device" or "quota exceeded". */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

function inMib(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`
}
