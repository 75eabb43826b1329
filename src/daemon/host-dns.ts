import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { HostDnsStatus } from '../api/kiln-dependencies.ts'
import { readHostZones } from '../ec2/host-name/host-names.ts'
import type { DnsZone } from '../ec2/ports/vpc-names.ts'
import { type DnsResponder, type DnsService, serveTcp, serveUdp, tcpSize } from '../network/dns/dns-server.ts'
import { writeReply } from '../network/dns/message.ts'
import { createZoneTable, type ZoneTable } from '../network/dns/zone-answer.ts'
import type { Ground } from './ground.ts'

/** The names of instances for this host: its resolver may be told to ask here. */
export interface HostDns {
  status(): HostDnsStatus
  /** What is answered now. */
  zones(): DnsZone[]
  /** Never fails: without it only names are missing. */
  open(): Promise<void>
  close(): void
}

/** Records are read again when a question comes and the last reading is that old. */
const readingAgeMs = 500

export function createHostDns({ store, settings, configuration, clock, log }: Ground): HostDns {
  const { port } = configuration.dns
  // The block's first addresses are the daemon's own.
  const address = settings.publicCidr.replace(/0\.0\/16$/, '0.2')
  const { id: accountId, defaultRegion } = configuration.account
  const services: DnsService[] = []
  let problem: string | undefined = port === 0 ? 'dns.port is 0 in config.yaml' : undefined
  let table: ZoneTable = createZoneTable([])
  let readAtMs = Number.NEGATIVE_INFINITY

  const zones = () => readHostZones({ store, accountId, defaultRegion })

  const respond: DnsResponder = async (query, transport) => {
    if (clock.monotonicMs() - readAtMs > readingAgeMs) {
      table = createZoneTable(zones())
      readAtMs = clock.monotonicMs()
    }
    // It asks nobody: who asks here for the world has others to ask, and none of them may be asked in a circle.
    const reply = table.lookUp(query.name, query.type) ?? ({ code: 'REFUSED' } as const)
    return writeReply(query, reply, transport === 'udp' ? query.udpSize : tcpSize)
  }

  return {
    status: () => ({ address, port, ...(problem === undefined ? {} : { problem }) }),
    zones,
    open: async () => {
      if (port === 0) return
      const onError = (error: unknown) => log.error({ err: error }, 'a DNS question of the host failed')
      const udp = createSocket('udp4')
      const tcp = createServer()
      try {
        udp.bind({ address, port })
        await once(udp, 'listening')
        tcp.listen(port, address)
        await once(tcp, 'listening')
        services.push(serveUdp(udp, respond, onError), serveTcp(tcp, respond, onError))
      } catch (error) {
        udp.close()
        tcp.close()
        problem = `${address}:${port} cannot be had: ${error instanceof Error ? error.message : String(error)}`
        log.warn({ problem }, 'this host cannot ask for names of instances')
      }
    },
    close: () => {
      for (const service of services.splice(0)) service.close()
    },
  }
}
