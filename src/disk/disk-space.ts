import { Ec2Error } from '../ec2/errors.ts'
import { spaceRemedy } from '../ec2/out-of-space.ts'
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
    `There is not enough disk space: ${what} needs ${inMib(neededBytes)}, ${inMib(reservedBytes)} are to stay free, and ${path} has ${inMib(free)}. ${spaceRemedy}`,
    500,
  )
}

function inMib(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`
}
