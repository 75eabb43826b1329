import type { NamespaceBroker } from '../namespace-broker.ts'
import { type DnsResponder, type DnsService, serveTcp, serveUdp } from './dns-server.ts'

/** Where the daemon answers a VPC's dnsmasq, by UDP on the namespace's loopback: guests do not reach it. */
export const forwardPort = 5300
/**
 * Where it answers guests that come by TCP, at the resolver's address: the ruleset leads them there. dnsmasq would turn them away: with
 * bind-dynamic it takes TCP only from interfaces that have an address, and taps have none (dnsmasq 2.90, check_dns_listeners).
 */
export const guestTcpPort = 5301

/** Answers what dnsmasq passes on in a VPC. */
export async function serveForwarded(
  broker: NamespaceBroker,
  respond: DnsResponder,
  onError: (error: unknown) => void,
): Promise<DnsService> {
  const udp = await broker.bindUdp('127.0.0.1', forwardPort)
  // dnsmasq says for whom it asks.
  return serveUdp(udp, async (query) => await respond(query, 'udp', query.client ?? ''), onError)
}

/** Answers what guests ask by TCP at an address of the resolver. */
export async function serveGuestTcp(
  broker: NamespaceBroker,
  address: string,
  respond: DnsResponder,
  onError: (error: unknown) => void,
): Promise<DnsService> {
  return serveTcp(await broker.listen(address, guestTcpPort), respond, onError)
}
