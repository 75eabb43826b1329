import { ensurePrivateDirectory } from '../host/files.ts'
import { withSystemDirectories } from '../host/search-path.ts'
import { findStateDirectoryProblem } from '../host/state-directory.ts'
import { findStateRoot, type StatePaths, statePathsOf } from '../host/state-paths.ts'
import { StartError } from './start-error.ts'

/** Makes the state directory what the daemon works in, and answers its paths. Throws StartError when it cannot be. */
export async function openStateDirectory(): Promise<StatePaths> {
  const root = findStateRoot()
  const problem = await findStateDirectoryProblem(root)
  if (problem) throw new StartError(problem)
  const paths = statePathsOf(root)
  const { layers, images, volumes, machines, networks, keyring, staging, cache } = paths
  for (const directory of [root, layers, images, volumes, machines, networks, keyring, staging, cache]) {
    await ensurePrivateDirectory(directory)
  }
  process.env['PATH'] = withSystemDirectories(process.env['PATH'])
  // Whoever started it may have done so in a directory that goes away or that this user cannot enter.
  process.chdir(root)
  return paths
}
