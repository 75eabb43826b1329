import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { amazonProvidedDns, type DhcpNetwork } from '../ec2/ports/dhcp.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { Clock } from '../host/clock.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive, signalProcess } from '../host/process-table.ts'
import type { Namespace } from './namespace.ts'
import { mtu } from './mtu.ts'
import { helperBridge } from './helper-bridge.ts'
import { ipv6NameServersOf, searchDomainsOf } from './dhcp6/serve-guests.ts'
import { hasIpv6, ipv4, ofFamily } from './family.ts'
import { hostsOf, ipv6HostsOf, ownTtl } from './dns/own-names.ts'
import { forwardPort } from './dns/serve-guests.ts'
import { resolverAddress } from '../ec2/ports/service-address.ts'
import { dnsAddress } from './resolver-address.ts'
import { egressInterface } from './ruleset.ts'
import { dnsIpv6Address } from './service-address.ts'
import { describeSubnet } from './subnet.ts'
import { endProcess, networkFile } from './vpc-processes.ts'

/** A VPC's dnsmasq: its leases and its names. */
export interface Dnsmasq {
  /** Starts it, starts it anew when its configuration changed, or tells it to read its files again when they did. */
  converge(vpc: VpcNetwork): Promise<void>
  isAlive(): Promise<boolean>
  /** The process, as long as it is known; it lives in the namespace. */
  process(): ProcessIdentity | undefined
  end(): Promise<void>
}

/** Questions under way at once: the daemon sees to it that no guest takes them all (dns/upstream.ts). */
const forwardLimit = 1024
/** DNS flag day 2020. */
const udpSize = 1232

/** `adopted` is the one that an earlier daemon started. */
export function createDnsmasq(
  { processes, clock }: { readonly processes: ProcessHost; readonly clock: Clock },
  namespace: Namespace,
  adopted?: ProcessIdentity,
): Dnsmasq {
  const { directory } = namespace
  let running = adopted
  /** Whether it may not have read its files since they were written: the daemon before may have been killed in between. */
  let isBehind = adopted !== undefined

  async function has(name: string, content: string): Promise<boolean> {
    return (await readFile(join(directory, name), 'utf8').catch(() => undefined)) === content
  }

  async function write(name: string, content: string): Promise<void> {
    if (await has(name, content)) return
    isBehind = true
    await writeFileAtomic(join(directory, name), content, { isDurable: false })
  }

  async function endRunning(): Promise<void> {
    if (running) await endProcess(clock, running, 'SIGKILL')
    running = undefined
  }

  async function start(): Promise<void> {
    // An empty group: changing groups is forbidden in an ordinary user's namespace.
    const [program = '', ...rest]: string[] = [
      ...namespace.enter,
      ...['dnsmasq', '--keep-in-foreground', '--user=root', '--group='],
      `--conf-file=${join(directory, networkFile.dnsmasqConfiguration)}`,
    ]
    const child = await processes.startDetached({ argv: [program, ...rest] }, join(directory, networkFile.dnsmasqLog))
    running = child.pid === undefined ? undefined : await identifyProcess(child.pid)
  }

  return {
    converge: async (vpc) => {
      const configuration = dnsmasqConfiguration(vpc, directory)
      const leases = await readFile(join(directory, networkFile.dnsmasqLeases), 'utf8').catch(() => '')
      if (!(await has(networkFile.dnsmasqConfiguration, configuration)) || hasForeignLease(leases, vpc)) {
        // Before the file is written: one that runs has read the file that is there, whenever this daemon is killed.
        await endRunning()
        // What an interface has is fixed by its line in the hosts file: nobody loses anything with the leases.
        await rm(join(directory, networkFile.dnsmasqLeases), { force: true })
      }
      await Promise.all([
        write(networkFile.dnsmasqConfiguration, configuration),
        write(networkFile.dnsmasqHosts, dnsmasqHosts(vpc)),
        write(networkFile.dnsmasqNames, dnsmasqNames(vpc)),
        write(networkFile.dnsmasqOptions, dnsmasqOptions(vpc)),
      ])
      if (running && (await isProcessAlive(running))) {
        if (isBehind) await signalProcess(running, 'SIGHUP')
      } else await start()
      isBehind = false
    },
    isAlive: async () => running !== undefined && (await isProcessAlive(running)),
    process: () => running,
    end: endRunning,
  }
}

/**
 * Whether an address that an interface shall have is leased to another one that had it before. dnsmasq gives it to nobody else until that
 * lease ends, also when its hosts file says so, and has no command that ends one (dnsmasq 2.90). Lines of the leases file: expiry, MAC,
 * address, name, client id. Pure.
 */
export function hasForeignLease(leases: string, vpc: VpcNetwork): boolean {
  const macs = new Map(vpc.interfaces.map(({ privateIp, mac }) => [privateIp, mac.toLowerCase()]))
  return leases.split('\n').some((line) => {
    const [, mac = '', address = ''] = line.split(' ')
    const owner = macs.get(address)
    return owner !== undefined && owner !== mac.toLowerCase()
  })
}

/** dnsmasq's configuration: DHCP with fixed leases and the VPC's names. What changes often stands in files that it reads again. Pure. */
export function dnsmasqConfiguration(vpc: VpcNetwork, directory: string): string {
  const { domain } = vpc
  const lines = [
    'bind-dynamic',
    'no-hosts',
    'no-resolv',
    // What it does not know itself the daemon answers (dns/guest-resolver.ts), who must know which guest asks.
    `server=127.0.0.1#${forwardPort}`,
    `add-subnet=${hasIpv6(vpc) ? '32,128' : '32'}`,
    'strip-subnet',
    // Zones change, the host's resolver changes: an answer is that of now.
    'cache-size=0',
    `local-ttl=${ownTtl}`,
    'domain-needed',
    `dns-forward-max=${forwardLimit}`,
    `edns-packet-max=${udpSize}`,
    'no-ping',
    `except-interface=${egressInterface}`,
    `interface=lo,${helperBridge},eni*`,
    // The taps have no addresses of the subnets: the bridge lends them its own.
    `bridge-interface=${helperBridge},eni*`,
    `pid-file=${join(directory, networkFile.dnsmasqPid)}`,
    `dhcp-leasefile=${join(directory, networkFile.dnsmasqLeases)}`,
    `dhcp-hostsfile=${join(directory, networkFile.dnsmasqHosts)}`,
    `dhcp-optsfile=${join(directory, networkFile.dnsmasqOptions)}`,
    `addn-hosts=${join(directory, networkFile.dnsmasqNames)}`,
    'dhcp-authoritative',
    // Leases are fixed, so only the VPC's own interfaces have any.
    'dhcp-lease-max=65536',
    // A guest does not choose the name that others find it by.
    'dhcp-ignore-names',
    `domain=${domain}`,
    `local=/${domain}/`,
    // As on EC2, every address of the VPC has a name, whether or not anybody has the address.
    ...[vpc.cidr, ...vpc.secondaryCidrs].map((cidr) => `synth-domain=${domain},${cidr},ip-`),
    ...vpc.subnets.map(({ id, cidr }) => {
      const { network, netmask } = describeSubnet(cidr)
      return `dhcp-range=set:${id},${network},static,${netmask},1h`
    }),
    `listen-address=${dnsAddress}`,
    ...(hasIpv6(vpc) ? ipv6Configuration(vpc) : []),
    '',
  ]
  return lines.join('\n')
}

/**
 * dnsmasq tells guests of their router; their addresses they ask the daemon for (docs/adr/ipv6-addresses-are-the-daemons-to-give.md). An
 * advertisement is of a block that nobody has addresses in, so that it says nothing but where the router is and that there is DHCP:
 * with the subnets' own blocks it would name all of them, and more than fifty would not fit.
 */
function ipv6Configuration({ subnets }: VpcNetwork): string[] {
  const told = subnets.filter(({ ipv6Cidr }) => ipv6Cidr !== undefined).map(({ id }) => id)
  return [
    `listen-address=${dnsIpv6Address}`,
    'enable-ra',
    'quiet-ra',
    'dhcp-range=fd00:ec2::,static,off-link,64,1h',
    // Every ten minutes; a router that is not heard of is gone after an hour and a half. The bridge's own MTU is nobody's: guests have the
    // one that DHCP tells.
    `ra-param=${helperBridge},mtu:off,600,5400`,
    // Guests of a subnet that is new to the list must not wait for that: dnsmasq begins anew, and tells all of them at once.
    `# told: ${told.join(' ')}`,
  ]
}

/** What guests are told besides their addresses, one option a line; they hear of a change when they renew their leases. Pure. */
export function dnsmasqOptions(vpc: VpcNetwork): string {
  const routers = vpc.subnets.map(({ id, cidr }) => `tag:${id},option:router,${describeSubnet(cidr).router}`)
  const byIpv6 = hasIpv6(vpc) ? ipv6Options(vpc.dhcp) : []
  return [...dhcpOptions(vpc.dhcp, resolverAddress(vpc.cidr)), ...routers, ...byIpv6, ''].join('\n')
}

/** What router advertisements say of names (RFC 8106). */
function ipv6Options(dhcp: DhcpNetwork): string[] {
  const domains = searchDomainsOf(dhcp)
  return [
    ['option6:dns-server', ...ipv6NameServersOf(dhcp).map((address) => `[${address}]`)].join(','),
    ...(domains.length > 0 ? [['option6:domain-search', ...domains].join(',')] : []),
  ]
}

/** An option without a value keeps dnsmasq from sending its own. */
function dhcpOptions(dhcp: DhcpNetwork, resolver: string): string[] {
  const { domainName, nameServers, ntpServers, netbiosNameServers = [], netbiosNodeType } = dhcp
  const option = (name: string, values: readonly string[]) => [name, ...values].join(',')
  const servers = ofFamily(
    ipv4,
    nameServers.map((server) => (server === amazonProvidedDns ? resolver : server)),
  )
  const timeServers = ofFamily(ipv4, ntpServers)
  return [
    ...(domainName === undefined
      ? [option('option:domain-name', [])]
      : [
          // The first one is the guest's own domain, all of them are searched.
          option('option:domain-name', domainName.split(' ').slice(0, 1)),
          option('option:domain-search', domainName.split(' ')),
        ]),
    option('option:dns-server', servers),
    option('option:mtu', [String(mtu.vpc)]),
    ...(timeServers.length > 0 ? [option('option:ntp-server', timeServers)] : []),
    ...(netbiosNameServers.length > 0 ? [option('option:netbios-ns', netbiosNameServers)] : []),
    ...(netbiosNodeType === undefined ? [] : [option('option:netbios-nodetype', [String(netbiosNodeType)])]),
  ]
}

/** A fixed lease an interface: `MAC,address,host name`. Pure. */
export function dnsmasqHosts(vpc: VpcNetwork): string {
  return vpc.interfaces
    .map(({ mac, privateIp, dnsNames }) => `${mac},${privateIp},${(dnsNames[0] ?? '').split('.')[0]},1h\n`)
    .join('')
}

/** Names in the form of /etc/hosts: the first one of an address is what a reverse look-up tells. Pure. */
export function dnsmasqNames(vpc: VpcNetwork): string {
  const named = [
    ...hostsOf(vpc).map(({ privateIp, names }) => ({ address: privateIp, names })),
    ...ipv6HostsOf(vpc).filter(({ names }) => names.length > 0),
  ]
  return named.map(({ address, names }) => `${address} ${names.join(' ')}\n`).join('')
}
