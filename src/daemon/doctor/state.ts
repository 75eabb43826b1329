import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { findStateDirectoryProblem } from '../../host/state-directory.ts'
import { type Check, ok, problem, warning } from './check.ts'

const gib = 1024 ** 3
const leastFreeBytes = 1 * gib
const comfortableFreeBytes = 5 * gib

/** File systems by their magic numbers (statfs(2)) that do not keep state as it must be kept. */
const unsuitable = new Map([
  [0x6969, 'NFS, where locks and sockets do not work as they must'],
  [0xff534d42, 'CIFS, where locks and sockets do not work as they must'],
  [0xfe534d42, 'SMB, where locks and sockets do not work as they must'],
  [0x01021997, '9p, where locks and sockets do not work as they must'],
  [0x01021994, 'tmpfs, whose content goes when the host goes down'],
])

/** The state directory: whose it is, who may read it, what it lies on, how much space there is. */
export function checkState(root: string): Check[] {
  return [
    { name: 'State directory', run: async () => await examineDirectory(root) },
    { name: 'Disk space', run: async () => await examineSpace(root) },
  ]
}

async function examineDirectory(root: string) {
  const why = await findStateDirectoryProblem(root)
  if (why) return problem(why, 'See KILN_HOME in docs/state-directory.md.')
  const path = await findNearest(root)
  const kind = unsuitable.get((await statfs(path)).type)
  if (kind) return warning(`${root} lies on ${kind}`, 'Set KILN_HOME to a directory on a local disk.')
  const found = path === root ? await stat(root) : undefined
  if (found && (found.mode & 0o077) !== 0) {
    return warning(`${root} may be read by others, keys and disks with it`, `chmod 700 ${root}`)
  }
  return ok(found ? root : `${root}, which the first start makes`)
}

async function examineSpace(root: string) {
  const { bavail, bsize } = await statfs(await findNearest(root))
  const free = bavail * bsize
  const detail = `${(free / gib).toFixed(1)} GiB free`
  const remedy = 'Make room, or set KILN_HOME to a larger disk. Disks of servers grow as they are written.'
  if (free < leastFreeBytes) return problem(`only ${detail}`, remedy)
  return free < comfortableFreeBytes ? warning(`only ${detail}`, remedy) : ok(detail)
}

async function findNearest(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  return exists || path === dirname(path) ? path : await findNearest(dirname(path))
}
