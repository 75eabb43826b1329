import { stat } from 'node:fs/promises'
import { type Check, type HostView, ok, problem, warning } from './check.ts'

const oldestNode = [20, 19] as const
const comfortableMemoryMib = 1024
const comfortableFiles = 8192
/** Of x86, and of arm64 as most distributions have it. */
const ksmPageBytes = 4096

/** Node.js, and the one native module, which is compiled for a version of it. */
export function checkNode(version: string, loadDatabase: () => Promise<unknown>): Check {
  return {
    name: 'Node.js',
    run: async () => {
      const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
      if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
        return problem(
          `${version} is too old`,
          `Install ${oldestNode.join('.')} or newer: https://nodejs.org/en/download`,
        )
      }
      try {
        await loadDatabase()
        return ok(version)
      } catch (error) {
        const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
        return problem(
          `${version}, but better-sqlite3 does not load: ${why}`,
          'sudo apt-get install make g++ python3, then npm ci. It is compiled for one version of Node.js.',
        )
      }
    },
  }
}

/** Memory that servers can have now. */
export function checkMemory(host: HostView): Check {
  return {
    name: 'Memory',
    run: async () => {
      const text = (await host.readText('/proc/meminfo')) ?? ''
      const mib = (name: string) => Math.floor(Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024)
      const detail = `${mib('MemAvailable')} of ${mib('MemTotal')} MiB available`
      if (mib('MemAvailable') >= comfortableMemoryMib) return ok(detail)
      return warning(`only ${detail}`, 'A nano server takes 512 MiB, a Debian server 1 GiB: end other programs.')
    },
  }
}

/**
 * Whether the kernel keeps pages of the same content once (KSM). It is the host's own affair, as it takes processor time and lets one guest
 * find out by the time of a write what another one has: either is as it should be.
 */
export function checkSamePageMerging(host: HostView): Check {
  const read = async (name: string) => (await host.readText(`/sys/kernel/mm/ksm/${name}`))?.trim()
  return {
    name: 'Same-page merging',
    run: async () => {
      const run = await read('run')
      if (run === undefined) return ok('this kernel has none (CONFIG_KSM)')
      if (run !== '1') return ok('off (KSM); what it would give and cost: docs/guides/density.md')
      const savedMib = Math.floor((Number(await read('pages_sharing')) * ksmPageBytes) / 1024 ** 2)
      return ok(`on (KSM), saves ${savedMib} MiB now`)
    },
  }
}

/** Open files: each connection to a server's public port takes two. */
export function checkOpenFiles(host: HostView): Check {
  return {
    name: 'Open files',
    run: async () => {
      const hard = /^Max open files +\S+ +(\S+)/m.exec((await host.readText('/proc/self/limits')) ?? '')?.[1]
      const limit = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
      if (limit >= comfortableFiles) return ok(`up to ${hard}`)
      return warning(
        `a process may open ${hard} only`,
        `echo "${host.userName} hard nofile ${comfortableFiles}" | sudo tee -a /etc/security/limits.conf, then log in again.`,
      )
    },
  }
}

/** Signatures of the API, TLS and Debian's package lists are all refused by a wrong clock. */
export function checkClock(now: Date, referenceFile: string): Check {
  return {
    name: 'Clock',
    run: async () => {
      const { mtime } = await stat(referenceFile)
      const text = now.toISOString().replace(/\.\d+/, '')
      // A day of grace: the file may come from a machine in another place, or from an archive.
      if (now.getTime() + 86_400_000 > mtime.getTime()) return ok(text)
      return problem(
        `it says ${text}, which is before Kiln was installed`,
        'sudo timedatectl set-ntp true, or set it by date(1).',
      )
    },
  }
}
