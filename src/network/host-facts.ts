import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { isIPv4 } from 'node:net'

/** What of the host's own network the VPCs depend on; it changes when a laptop moves or a VPN comes up. */
export interface HostFacts {
  /** The host's own IPv4 addresses but for loopback: what guests must not reach by the way out. */
  readonly addresses: readonly string[]
  /** The nameserver that guests' questions are passed on to: the first of /etc/resolv.conf that has an IPv4 address. */
  readonly resolver: string | undefined
}

/** Looks at the host as it is now. */
export async function readHostFacts(): Promise<HostFacts> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
  return {
    addresses: [...new Set(addresses)].sort(),
    resolver: firstNameserver(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
  }
}

/** The first IPv4 nameserver of a resolv.conf(5). Pure. */
export function firstNameserver(text: string): string | undefined {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .find((address) => isIPv4(address))
}
