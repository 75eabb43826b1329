import { readFile } from 'node:fs/promises'

/** A line of /proc/net/unix: its fourth column, Flags, and the path. */
const entry = /^\S+ +\S+ +\S+ +(\S+) +\S+ +\S+ +\S+ (.+)$/
/** `__SO_ACCEPTCON` (include/uapi/linux/net.h) */
const listens = '00010000'

/**
 * Whether somebody listens at a path in the network namespace of a process; false when the process has ended. The file alone does not tell: it
 * is there from bind(2) on, and until listen(2) whoever connects is refused. Nobody is connected to, which counts with a program that serves
 * one client.
 */
export async function isSocketListening(pid: number, path: string): Promise<boolean> {
  const table = await readFile(`/proc/${pid}/net/unix`, 'utf8').catch(() => '')
  return table.split('\n').some((line) => {
    const [, flags, at] = entry.exec(line) ?? []
    return flags === listens && at === path
  })
}
