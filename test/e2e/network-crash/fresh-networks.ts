import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import pino from 'pino'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { readVpcNetwork } from '../../../src/ec2/vpc/network-driver.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { ipv4, ofFamily } from '../../../src/network/family.ts'
import { readHostFacts } from '../../../src/network/host-facts.ts'
import { createNetwork } from '../../../src/network/network.ts'
import { planPublicPorts } from '../../../src/network/public-ports.ts'
import { openStore } from '../../../src/store/store.ts'
import type { Lab } from '../lab.ts'
import { lookAtNetworks, type NetworkView } from './kernel-network.ts'

/** The VPCs as the records of a lab's daemon, which runs, say that they shall be. */
export function readIntent({ home }: Lab, vpcIds: readonly string[]): VpcNetwork[] {
  const store = openStore(join(home, 'kiln.db'))
  try {
    return vpcIds.flatMap((id) => readVpcNetwork(store, id, { now: clock.now() }) ?? [])
  } finally {
    store.close()
  }
}

/** What these VPCs come to when they are made of nothing, by nobody who was killed. */
export async function lookAtFresh(vpcs: readonly VpcNetwork[]): Promise<Record<string, NetworkView>> {
  const networksDirectory = await mkdtemp('/tmp/kiln-fresh-')
  const network = createNetwork({
    processes: createProcessHost(),
    clock,
    log: pino({ level: 'silent' }),
    isRoot: process.getuid?.() === 0,
    networksDirectory,
    metadataListener: () => (_, response) => response.end(),
    guestApi: () => createServer(),
    onFlowReading: () => undefined,
    hostServers: { serversFor: async () => [] },
    linkLocalPacketsPerSecond: 8192,
    reachesLan: false,
    firstUnprivilegedPort: 1024,
    // The ports are the daemon's.
    maximumPublicPorts: 0,
  })
  try {
    // Each twice: a wire between two is there once both are.
    for (const vpc of [...vpcs, ...vpcs]) await network.converge(vpc)
    return await settled(async () => await lookAtNetworks(networksDirectory))
  } finally {
    await Promise.all(vpcs.map(async ({ id }) => await network.remove(id)))
    await network.close()
    await rm(networksDirectory, { recursive: true })
  }
}

/** What is seen once it is seen twice: services follow what they serve. */
async function settled<T>(look: () => Promise<T>): Promise<T> {
  let before = await look()
  for (;;) {
    await clock.sleep(300)
    const now = await look()
    if (JSON.stringify(now) === JSON.stringify(before)) return now
    before = now
  }
}

/** `tcp 127.90.0.5:8080` of each port that VPCs open to the host. */
export function portsOf(vpcs: readonly VpcNetwork[]): string[] {
  const addresses = ofFamily(ipv4, readHostFacts().addresses)
  return vpcs
    .flatMap((vpc) => planPublicPorts(vpc, addresses).wanted)
    .map(({ protocol, publicIp, port }) => `${protocol} ${publicIp}:${port}`)
    .sort()
}

/** The same of those where somebody listens in the block of public addresses that an address is of, a /16. */
export async function listeningPorts(address: string): Promise<string[]> {
  const prefix = address.split('.').slice(0, 2).map(Number)
  const found = await Promise.all(
    (['tcp', 'udp'] as const).map(async (protocol) => {
      // sl local_address rem_address st …: the address in the byte order of this machine; 0A is LISTEN, 07 that of UDP.
      const table = await readFile(`/proc/net/${protocol}`, 'utf8')
      return [...table.matchAll(/^\s*\d+: ([0-9A-F]{8}):([0-9A-F]{4}) 00000000:0000 (0A|07)/gm)].flatMap(
        ([, hex = '', port = '']) => {
          const octets = [6, 4, 2, 0].map((index) => Number.parseInt(hex.slice(index, index + 2), 16))
          const isPublic = prefix.every((octet, index) => octets[index] === octet)
          return isPublic ? [`${protocol} ${octets.join('.')}:${Number.parseInt(port, 16)}`] : []
        },
      )
    }),
  )
  return found.flat().sort()
}
