import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SocketServerDependencies } from '../api/socket/server.ts'
import {
  type ConnectEndpointRecord,
  findConnectEndpoint,
  isConnectEndpointThere,
} from '../ec2/connect-endpoint/connect-endpoint.ts'
import { Ec2Error } from '../ec2/errors.ts'
import { findOne } from '../ec2/ids.ts'
import { containsBlock, parseIpv4Block } from '../ec2/ipv4.ts'
import { containsIpv6Block, parseIpv6Block } from '../ec2/ipv6.ts'
import type { Network } from '../ec2/ports/network.ts'
import { cidrsOf, ipv6CidrsOf, type VpcRecord } from '../ec2/vpc/vpc.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'
import { openDatagrams } from './vpc-datagrams.ts'

const dialTimeoutMs = 30_000
/** What security groups drop is silent: whoever waits for it shall not wait long. */
const endpointTimeoutMs = 10_000

/** Opens what leads into a VPC as from its router: a TCP connection to an address or name in it, or a UDP socket. */
export function createVpcStreamOpener(
  { store }: Ground,
  { network: { network } }: Rooms,
): SocketServerDependencies['openVpcStream'] {
  return async (caller, id, target) => {
    if (id.startsWith('eice-')) {
      const endpoint = findConnectEndpoint(store, caller, id)
      const vpc = store.vpcs.find(endpoint.vpcId)
      if (!vpc || !target || !isConnectEndpointThere(endpoint)) throw unreachable(id, new Error(endpoint.state))
      return await dialThrough(network, endpoint, vpc, target)
    }
    const vpc = findOne('vpc', id, (known) => store.vpcs.get(caller, known))
    if (target === undefined) return await openDatagramsOf(network, vpc)
    const address = await addressOf(network, vpc, target.host)
    const patience = AbortSignal.timeout(dialTimeoutMs)
    try {
      return await network.dial(vpc.id, address, target.port, patience)
    } catch (error) {
      throw unreachable(`${target.host}:${target.port}`, patience.aborted ? noAnswer(dialTimeoutMs) : error)
    }
  }
}

/** "The maximum duration of a tunnel is one hour." */
const longestTunnelMs = 3600 * 1000

/** Security groups count, and the other side sees the endpoint's address. */
async function dialThrough(
  network: Network,
  { id, privateIp, ipv6Address }: ConnectEndpointRecord,
  vpc: VpcRecord,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Duplex> {
  const address = await addressOf(network, vpc, host)
  const from = isIPv6(address) ? ipv6Address : privateIp
  if (from === undefined) throw unreachable(`${host}:${port} through ${id}`, new Error('the endpoint has IPv4 only'))
  const patience = AbortSignal.timeout(endpointTimeoutMs)
  const socket = await network.dialFrom(vpc.id, from, address, port, patience).catch((error: unknown) => {
    const hint = `See what stops it: kiln net path ${id} ${host} --port ${port}`
    const why = patience.aborted ? noAnswer(endpointTimeoutMs, hint) : error
    throw unreachable(`${host}:${port} through ${id}`, why)
  })
  const end = setTimeout(() => socket.destroy(), longestTunnelMs)
  end.unref()
  socket.once('close', () => clearTimeout(end))
  return socket
}

/** The VPC's own DNS server knows the names; what is not in the VPC is not reached this way. */
async function addressOf(network: Network, vpc: VpcRecord, host: string): Promise<string> {
  const address = isIP(host) ? host : await resolve(network, vpc, host)
  if (isInVpc(vpc, address)) return address
  const blocks = [...cidrsOf(vpc), ...ipv6CidrsOf(vpc)].join(', ')
  throw new Ec2Error('NotInVpc', `${host} is not in ${vpc.id} (${blocks}).`, 403)
}

function isInVpc(vpc: VpcRecord, address: string): boolean {
  if (isIPv4(address)) {
    const own = parseIpv4Block(`${address}/32`)
    const blocks = cidrsOf(vpc).flatMap((cidr) => parseIpv4Block(cidr) ?? [])
    return own !== undefined && blocks.some((block) => containsBlock(block, own))
  }
  const own = parseIpv6Block(`${address}/128`)
  const blocks = ipv6CidrsOf(vpc).flatMap((cidr) => parseIpv6Block(cidr) ?? [])
  return own !== undefined && blocks.some((block) => containsIpv6Block(block, own))
}

async function resolve(network: Network, vpc: VpcRecord, name: string): Promise<string> {
  try {
    const [address] = await network.resolve(vpc.id, name)
    if (address !== undefined) return address
  } catch (error) {
    if (!network.isLive(vpc.id)) throw unreachable(name, error)
  }
  throw new Ec2Error('UnknownHost', `The DNS server of ${vpc.id} knows no ${name.slice(0, 255)}.`, 404)
}

async function openDatagramsOf(network: Network, vpc: VpcRecord): Promise<Duplex> {
  const bind = async (version: 4 | 6) => await network.bindUdp(vpc.id, version)
  return await openDatagrams(bind, async (host) => await addressOf(network, vpc, host)).catch((error: unknown) => {
    throw unreachable(vpc.id, error)
  })
}

function noAnswer(timeoutMs: number, hint?: string): Error {
  return new Error(`no answer within ${timeoutMs / 1000} s${hint === undefined ? '' : `. ${hint}`}`)
}

function unreachable(what: string, error: unknown): Ec2Error {
  const why = error instanceof Error ? error.message : 'unknown'
  const code = why === 'ECONNREFUSED' ? 'ConnectionRefused' : 'HostUnreachable'
  return new Ec2Error(code, `${what} cannot be reached: ${why}`, 502)
}
