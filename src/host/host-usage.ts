import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'

/** How the host is taken, in bytes where nothing else is said. */
export interface HostUsage {
  readonly uptimeSeconds: number
  readonly processors: number
  readonly memory: number
  /** What programs can have without anything being swapped out. */
  readonly available: number
  readonly swap: number
  readonly freeSwap: number
  /** What the kernel saves by having pages of the same content once (KSM); undefined where it does not look for them. */
  readonly merged?: number
}

const ksmDirectory = '/sys/kernel/mm/ksm'
/** Of x86, and of arm64 as most distributions have it. */
const pageBytes = 4096

/** Reads /proc and /sys. */
export async function readHostUsage(): Promise<HostUsage> {
  const [uptime, meminfo, run, sharing] = await Promise.all([
    readFile('/proc/uptime', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
    readFile(`${ksmDirectory}/run`, 'utf8').catch(() => ''),
    readFile(`${ksmDirectory}/pages_sharing`, 'utf8').catch(() => ''),
  ])
  const bytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  return {
    uptimeSeconds: Number(uptime.split(' ')[0]),
    processors: availableParallelism(),
    memory: bytes('MemTotal'),
    available: bytes('MemAvailable'),
    swap: bytes('SwapTotal'),
    freeSwap: bytes('SwapFree'),
    ...(run.trim() === '1' ? { merged: Number(sharing) * pageBytes } : {}),
  }
}
