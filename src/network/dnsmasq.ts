import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { amazonProvidedDns, type DhcpNetwork, type VpcNetwork } from '../ec2/ports/network.ts'
import type { Clock } from '../host/clock.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive, signalProcess } from '../host/process-table.ts'
import type { Namespace } from './namespace.ts'
import { helperBridge } from './router.ts'
import { dnsAddress, egressInterface, resolverAddress, upstreamDnsAddress } from './ruleset.ts'
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

/** `adopted` is the one that an earlier daemon started. */
export function createDnsmasq(
  { processes, clock }: { readonly processes: ProcessHost; readonly clock: Clock },
  namespace: Namespace,
  adopted?: ProcessIdentity,
): Dnsmasq {
  const { directory } = namespace
  let running = adopted

  /** Answers whether the file had another content. */
  async function write(name: string, content: string): Promise<boolean> {
    const path = join(directory, name)
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) return false
    await writeFileAtomic(path, content, { isDurable: false })
    return true
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
      const changes = await Promise.all([
        write(networkFile.dnsmasqHosts, dnsmasqHosts(vpc)),
        write(networkFile.dnsmasqNames, dnsmasqNames(vpc)),
      ])
      const isNew = await write(networkFile.dnsmasqConfiguration, dnsmasqConfiguration(vpc, directory))
      const leases = await readFile(join(directory, networkFile.dnsmasqLeases), 'utf8').catch(() => '')
      const mustBegin = isNew || hasForeignLease(leases, vpc)
      if (mustBegin) {
        if (running) await endProcess(clock, running, 'SIGKILL')
        // What an interface has is fixed by its line in the hosts file: nobody loses anything with the leases.
        await rm(join(directory, networkFile.dnsmasqLeases), { force: true })
      }
      if (running && !mustBegin && (await isProcessAlive(running))) {
        if (changes.includes(true)) await signalProcess(running, 'SIGHUP')
      } else await start()
    },
    isAlive: async () => running !== undefined && (await isProcessAlive(running)),
    process: () => running,
    end: async () => {
      if (running) await endProcess(clock, running, 'SIGKILL')
      running = undefined
    },
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

/** dnsmasq's configuration: DHCP with fixed leases and the VPC's names. Pure. */
export function dnsmasqConfiguration(vpc: VpcNetwork, directory: string): string {
  const { domain } = vpc
  const lines = [
    'bind-dynamic',
    'no-hosts',
    'no-resolv',
    `server=${upstreamDnsAddress}`,
    // Addresses of private networks have no names but the VPC's own.
    'bogus-priv',
    'no-ping',
    `except-interface=${egressInterface}`,
    `interface=lo,${helperBridge},eni*`,
    // The taps have no addresses of the subnets: the bridge lends them its own.
    `bridge-interface=${helperBridge},eni*`,
    `pid-file=${join(directory, networkFile.dnsmasqPid)}`,
    `dhcp-leasefile=${join(directory, networkFile.dnsmasqLeases)}`,
    `dhcp-hostsfile=${join(directory, networkFile.dnsmasqHosts)}`,
    `addn-hosts=${join(directory, networkFile.dnsmasqNames)}`,
    'dhcp-authoritative',
    // Leases are fixed, so only the VPC's own interfaces have any.
    'dhcp-lease-max=65536',
    // A guest does not choose the name that others find it by.
    'dhcp-ignore-names',
    `domain=${domain}`,
    `local=/${domain}/`,
    ...dhcpOptions(vpc.dhcp, resolverAddress(vpc.cidr)),
    ...vpc.subnets.flatMap(({ id, cidr }) => {
      const { network, netmask, router } = describeSubnet(cidr)
      return [`dhcp-range=set:${id},${network},static,${netmask},1h`, `dhcp-option=tag:${id},option:router,${router}`]
    }),
    `listen-address=${dnsAddress}`,
    '',
  ]
  return lines.join('\n')
}

/** An option without a value keeps dnsmasq from sending its own. */
function dhcpOptions({ domainName, nameServers, ntpServers }: DhcpNetwork, resolver: string): string[] {
  const option = (name: string, values: readonly string[]) => `dhcp-option=${[`option:${name}`, ...values].join(',')}`
  const servers = nameServers.map((server) => (server === amazonProvidedDns ? resolver : server))
  return [
    ...(domainName === undefined
      ? [option('domain-name', [])]
      : [option('domain-name', [domainName]), option('domain-search', domainName.split(' '))]),
    option('dns-server', servers),
    ...(ntpServers.length > 0 ? [option('ntp-server', ntpServers)] : []),
  ]
}

/** A fixed lease an interface: `MAC,address,host name`. Pure. */
export function dnsmasqHosts(vpc: VpcNetwork): string {
  return vpc.interfaces
    .map(({ mac, privateIp, dnsNames }) => `${mac},${privateIp},${(dnsNames[0] ?? '').split('.')[0]},1h\n`)
    .join('')
}

/** Names in the form of /etc/hosts. Pure. */
export function dnsmasqNames(vpc: VpcNetwork): string {
  return vpc.interfaces
    .flatMap(({ privateIp, dnsNames, secondaryAddresses = [] }) => [
      `${privateIp} ${dnsNames.join(' ')}\n`,
      ...secondaryAddresses.map((secondary) => `${secondary.privateIp} ${secondary.dnsName}\n`),
    ])
    .join('')
}
