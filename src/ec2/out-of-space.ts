import { isOutOfSpace } from '../host/out-of-space.ts'
import { Ec2Error } from './errors.ts'

/** What `InsufficientDiskSpace` advises, after what is short and where. */
export const spaceRemedy =
  'Free some there (`kiln disk ls` tells what Kiln keeps) and try again, or set KILN_HOME to a directory on a larger disk.'

/** The disk that `path` lies on ran full in the middle of the work. */
export function outOfSpace(what: string, path: string): Ec2Error {
  return new Ec2Error(
    'InsufficientDiskSpace',
    `The disk ran full during ${what}: there is no space left where ${path} is. ${spaceRemedy}`,
    500,
  )
}

/**
 * Does work that writes where `path` is. When the disk runs full on the way it rejects with InsufficientDiskSpace, whoever found out: the
 * kernel, SQLite, or a program that we ran. The innermost one that is asked tells, for it knows best where.
 */
export async function tellOutOfSpace<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainOutOfSpace(what, path, error)
  }
}

/** The error itself, unless it is a full disk. */
export function explainOutOfSpace(what: string, path: string, error: unknown): unknown {
  if (!isOutOfSpace(error)) return error
  const full = outOfSpace(what, path)
  full.cause = error
  return full
}
