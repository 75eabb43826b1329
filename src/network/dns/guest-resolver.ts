import dnsPacket from 'dns-packet'
import type { VpcNetwork } from '../../ec2/ports/vpc-network.ts'
import { type DnsResponder, tcpSize } from './dns-server.ts'
import { codeOf, type DnsQuery, type DnsReply, dnsCodes, queryFor, writeReply } from './message.ts'
import { createOwnNames, type OwnNames } from './own-names.ts'
import type { Upstream } from './upstream.ts'
import { createZoneTable, type ZoneReply, type ZoneTable } from './zone-answer.ts'

/** What a VPC's resolver is besides dnsmasq: private zones, what the host is asked for, and everything by TCP. */
export interface GuestResolver {
  /** From the next question on. */
  update(vpc: VpcNetwork): void
  readonly respond: DnsResponder
}

export function createGuestResolver({ upstream }: { readonly upstream: Upstream }, vpcId: string): GuestResolver {
  let zones: ZoneTable = createZoneTable([])
  let own: OwnNames | undefined

  async function resolve(query: DnsQuery, transport: 'udp' | 'tcp', client: string): Promise<DnsReply | Buffer> {
    const found: ZoneReply | undefined = zones.lookUp(query.name, query.type) ?? own?.lookUp(query.name, query.type)
    // VPCs may have the same addresses.
    if (!found) return (await upstream.ask(query, transport, `${vpcId}/${client}`)) ?? { code: 'SERVFAIL' }
    if (found.target === undefined) return found
    const end = await follow(query, found.target, transport, client)
    return { ...end, answers: [...(found.answers ?? []), ...(end.answers ?? [])] }
  }

  /** The end of an alias outside of all zones: another name of the VPC, or one of the world. */
  async function follow(query: DnsQuery, target: string, transport: 'udp' | 'tcp', client: string): Promise<DnsReply> {
    const next = queryFor(query, target)
    const end = next ? await resolve(next, transport, client) : ({ code: 'SERVFAIL' } as const)
    if (!Buffer.isBuffer(end)) return end
    const { answers = [], authorities = [] } = dnsPacket.decode(end)
    return { code: codeNames[codeOf(end)] ?? 'SERVFAIL', answers, authorities }
  }

  return {
    update: (vpc) => {
      zones = createZoneTable(vpc.names?.zones ?? [])
      own = createOwnNames(vpc)
    },
    respond: async (query, transport, client) => {
      const reply = await resolve(query, transport, client)
      return Buffer.isBuffer(reply) ? reply : writeReply(query, reply, transport === 'udp' ? query.udpSize : tcpSize)
    },
  }
}

const codeNames = Object.fromEntries(Object.entries(dnsCodes).map(([name, number]) => [number, name])) as Partial<
  Record<number, keyof typeof dnsCodes>
>
