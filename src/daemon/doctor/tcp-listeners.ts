import { readdir, readFile, readlink } from 'node:fs/promises'

/** A TCP port that some process of this host listens at. */
export interface TcpListener {
  /** IPv4 in dotted form, or `::`-like addresses as `any` and `other`. */
  readonly isAnyAddress: boolean
  readonly inode: string
}

/** `listen` in the kernel's tables (include/net/tcp_states.h). */
const listenState = '0A'

/** Listeners at a port, from the texts of /proc/net/tcp and /proc/net/tcp6. Pure. */
export function listenersAt(port: number, tables: readonly string[]): TcpListener[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return tables.flatMap((table) =>
    table
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === listenState && local?.endsWith(`:${wanted}`))
      .map((fields) => ({ isAnyAddress: /^0+:/.test(fields[1] ?? ''), inode: fields[9] ?? '' })),
  )
}

/** The process that holds a socket, as `name (pid)`; undefined when it is another user's. */
export async function findSocketOwner(inode: string): Promise<string | undefined> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      if (target !== `socket:[${inode}]`) continue
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a process')
      return `${name.trim()} (pid ${pid})`
    }
  }
  return undefined
}
