import type { Server } from 'node:http'
import type { Logger } from 'pino'
import { guestEndpoint } from '../ec2/ports/service-address.ts'
import type { DnsResponder, DnsService } from './dns/dns-server.ts'
import { serveForwarded, serveGuestTcp } from './dns/serve-guests.ts'
import { limitConnections, serveGuests } from './metadata-server.ts'
import type { NamespaceBroker } from './namespace-broker.ts'
import { dnsAddress } from './resolver-address.ts'
import { metadataAddress } from './ruleset.ts'
import { dnsIpv6Address, metadataIpv6Address } from './service-address.ts'

/** What the daemon itself offers to the guests of a VPC, at addresses of the VPC's router. What is open stays so until `close`. */
export interface GuestServers {
  openMetadata(carriesIpv6: boolean): Promise<void>
  openApi(carriesIpv6: boolean): Promise<void>
  /** Names of private zones and of the world, for dnsmasq and for guests that ask by TCP. */
  openNames(carriesIpv6: boolean): Promise<void>
  close(): void
}

export interface GuestServersDependencies {
  readonly vpcId: string
  readonly broker: NamespaceBroker
  readonly log: Logger
  /** Each makes a server that does not listen yet. */
  readonly makeMetadata: () => Server
  readonly makeApi: () => Server
  readonly respond: DnsResponder
}

export function createGuestServers(dependencies: GuestServersDependencies): GuestServers {
  const { vpcId, broker, log, makeMetadata, makeApi, respond } = dependencies
  /** By address and port. */
  const servers = new Map<string, Server>()
  const names = new Map<string, DnsService>()
  let isClosed = false

  async function openServers(port: number, carriesIpv6: boolean, make: () => Server): Promise<void> {
    for (const address of carriesIpv6 ? [metadataAddress, metadataIpv6Address] : [metadataAddress]) {
      const key = `${address} ${port}`
      if (servers.has(key)) continue
      const server = await serveGuests(broker, address, port, make())
      if (isClosed) server.close()
      else servers.set(key, server)
    }
  }

  async function openDns(key: string, open: () => Promise<DnsService>): Promise<void> {
    if (names.has(key)) return
    const service = await open()
    if (isClosed) service.close()
    else names.set(key, service)
  }

  return {
    openMetadata: async (carriesIpv6) => await openServers(80, carriesIpv6, makeMetadata),
    openApi: async (carriesIpv6) =>
      await openServers(guestEndpoint.port, carriesIpv6, () => limitConnections(makeApi())),
    openNames: async (carriesIpv6) => {
      const tell = (error: unknown) => log.error({ vpcId, err: error }, 'a DNS question failed')
      await openDns('forwarded', () => serveForwarded(broker, respond, tell))
      for (const address of carriesIpv6 ? [dnsAddress, dnsIpv6Address] : [dnsAddress]) {
        await openDns(address, () => serveGuestTcp(broker, address, respond, tell))
      }
    },
    close: () => {
      isClosed = true
      for (const service of names.values()) service.close()
      names.clear()
      for (const server of servers.values()) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}
