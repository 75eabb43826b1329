import { readFile, readlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isIP } from 'node:net'
import type { Clock } from '../../host/clock.ts'

/** A server that questions are sent to. */
export interface DnsServer {
  readonly address: string
  readonly port: number
}

/** The host's own servers, as they are now. */
export interface HostServers {
  serversFor(name: string): Promise<readonly DnsServer[]>
}

/** A change of the host's resolver is seen after that time at the latest. */
const lookIntervalMs = 1000
/** As in glibc (resolv.conf(5)). */
const maximumServers = 3

/**
 * Follows a resolv.conf, whoever writes it: it is read again when a question comes and the last reading is a second old.
 * `domains` are servers that the user has named for a domain and what lies below it; the longest domain that fits holds.
 */
export function followResolvConf(dependencies: {
  readonly clock: Clock
  readonly path: string
  readonly domains: ReadonlyMap<string, readonly DnsServer[]>
  /** Where the servers of the file listen; only tests have another one. */
  readonly port?: number
}): HostServers {
  const { clock, path, domains, port = 53 } = dependencies
  let reading: Promise<readonly DnsServer[]> | undefined
  let readAtMs = 0
  return {
    serversFor: async (name) => {
      const chosen = longestDomain(name, domains)
      if (chosen) return chosen
      if (!reading || clock.monotonicMs() - readAtMs > lookIntervalMs) {
        readAtMs = clock.monotonicMs()
        reading = readServers(path).then((addresses) => addresses.map((address) => ({ address, port })))
      }
      return await reading
    },
  }
}

async function readServers(path: string): Promise<readonly string[]> {
  const target = await readlink(path).then(
    (link) => resolve(dirname(path), link),
    () => path,
  )
  const read = async (name: string) => parseResolvConf(await readFile(name, 'utf8').catch(() => ''))
  const own = await read(target)
  // systemd-resolved offers the plain list of servers beside its stub (systemd-resolved.service(8), "/etc/resolv.conf"). Only the stub
  // knows which domain is a VPN's: it is asked first, and the list where it does not listen.
  const isPlainList = target.endsWith('/systemd/resolve/resolv.conf')
  const stub = isPlainList ? await read(join(dirname(target), 'stub-resolv.conf')) : []
  const servers = [...stub.filter((address) => !own.includes(address)), ...own]
  // Nobody named is the one on this machine (resolv.conf(5)).
  return servers.length > 0 ? servers : ['127.0.0.1']
}

/** The nameservers of a resolv.conf(5) in their order. Search domains are the host's own: guests have those of their VPC. Pure. */
export function parseResolvConf(text: string): string[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => isIP(address) !== 0)
    .slice(0, maximumServers)
}

/** What is kept for the longest domain that a name is or lies in. Pure. */
export function longestDomain<T>(name: string, domains: ReadonlyMap<string, T>): T | undefined {
  for (let rest = name; ; rest = rest.slice(rest.indexOf('.') + 1)) {
    const found = domains.get(rest)
    if (found !== undefined) return found
    if (!rest.includes('.')) return domains.get('')
  }
}

/** `10.8.0.1`, `10.8.0.1:5353`, `fd00::1` or `[fd00::1]:5353`; undefined for anything else. Pure. */
export function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 }
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  const address = six ?? four ?? ''
  const isPort = Number(port) >= 1 && Number(port) <= 65_535
  return isIP(address) !== 0 && isPort ? { address, port: Number(port) } : undefined
}
