import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { maximumRootLength } from './state-paths.ts'

/** Why this user's daemon cannot keep its state in that directory, with what to do; undefined when it can. Changes nothing. */
export async function findStateDirectoryProblem(root: string): Promise<string | undefined> {
  const length = Buffer.byteLength(root)
  if (length > maximumRootLength) {
    return `${root} has ${length} bytes, a state directory at most ${maximumRootLength} (sockets lie below it). Set KILN_HOME to a shorter path.`
  }
  const found = await statNearest(root)
  if (!found.isDirectory) return `${found.path} is not a directory. Set KILN_HOME to another path.`
  const { uid } = userInfo()
  if (found.path === root && found.uid !== uid) {
    return `${root} belongs to the user with id ${found.uid}, not to you (${uid}). Run kiln as that user, or set KILN_HOME to a directory of your own.`
  }
  try {
    await access(found.path, constants.W_OK | constants.X_OK)
    return undefined
  } catch {
    return `${found.path} may not be written by you. Set KILN_HOME to a directory of your own.`
  }
}

/** The path itself, or the nearest directory above it that exists. */
async function statNearest(path: string): Promise<{ path: string; uid: number; isDirectory: boolean }> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && path !== dirname(path)) return undefined
    // Below a file there is nothing, and what may not be looked into may not be written either.
    if (error.code === 'ENOTDIR' || error.code === 'EACCES') return undefined
    throw error
  })
  if (!found) return await statNearest(dirname(path))
  return { path, uid: found.uid, isDirectory: found.isDirectory() }
}
