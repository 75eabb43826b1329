import { join } from 'node:path'
import type { VpcNetwork } from '../ec2/ports/network.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { ProcessHost } from '../host/process.ts'
import { findProcesses, type ProcessEntry, signalProcess } from '../host/process-table.ts'
import { helperBridge, type Namespace } from './namespace.ts'
import { dnsAddress, resolverAddress, upstreamDnsAddress } from './ruleset.ts'

const configFile = 'dnsmasq.conf'

/** dnsmasq's configuration: DHCP with fixed leases and the VPC's names. Pure. */
export function dnsmasqConfiguration(vpc: VpcNetwork, directory: string): string {
  const { domain } = vpc
  const lines = [
    'bind-dynamic',
    'no-hosts',
    'no-resolv',
    `server=${upstreamDnsAddress}`,
    'no-ping',
    'except-interface=egress0',
    `interface=lo,${helperBridge},eni*`,
    // The taps have no addresses of the subnets: the bridge lends them its own.
    `bridge-interface=${helperBridge},eni*`,
    `pid-file=${join(directory, 'dnsmasq.pid')}`,
    `dhcp-leasefile=${join(directory, 'dnsmasq.leases')}`,
    `dhcp-hostsfile=${join(directory, 'dnsmasq.hosts')}`,
    `addn-hosts=${join(directory, 'dnsmasq.names')}`,
    'dhcp-authoritative',
    `domain=${domain}`,
    `local=/${domain}/`,
    `dhcp-option=option:domain-search,${domain}`,
    `dhcp-option=option:dns-server,${resolverAddress(vpc.cidr)}`,
    ...vpc.subnets.flatMap(({ id, cidr }) => {
      const { network, netmask, router } = describeSubnet(cidr)
      return [`dhcp-range=set:${id},${network},static,${netmask},1h`, `dhcp-option=tag:${id},option:router,${router}`]
    }),
    `listen-address=${dnsAddress}`,
    '',
  ]
  return lines.join('\n')
}

/** A fixed lease an interface: `MAC,address,host name`. Pure. */
export function dnsmasqHosts(vpc: VpcNetwork): string {
  return vpc.interfaces
    .map(({ mac, privateIp, dnsNames }) => `${mac},${privateIp},${(dnsNames[0] ?? '').split('.')[0]},1h\n`)
    .join('')
}

/** Names in the form of /etc/hosts. Pure. */
export function dnsmasqNames(vpc: VpcNetwork): string {
  return vpc.interfaces.map(({ privateIp, dnsNames }) => `${privateIp} ${dnsNames.join(' ')}\n`).join('')
}

/** The address of a subnet's router and what else DHCP tells of it. */
export function describeSubnet(cidr: string): {
  network: string
  netmask: string
  router: string
  prefixLength: number
} {
  const [network = '', length = '0'] = cidr.split('/')
  const prefixLength = Number(length)
  const mask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0
  const octets = network.split('.').map(Number)
  octets[3] = (octets[3] ?? 0) + 1
  const netmask = [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
  return { network, netmask, router: octets.join('.'), prefixLength }
}

/** Brings dnsmasq to the VPC: started when it does not run, told to read its files again otherwise. */
export async function convergeDnsmasq(processes: ProcessHost, namespace: Namespace, vpc: VpcNetwork): Promise<void> {
  const { directory } = namespace
  await writeFileAtomic(join(directory, 'dnsmasq.hosts'), dnsmasqHosts(vpc), { isDurable: false })
  await writeFileAtomic(join(directory, 'dnsmasq.names'), dnsmasqNames(vpc), { isDurable: false })
  const running = await findDnsmasq(directory)
  if (running) {
    await signalProcess(running, 'SIGHUP')
    return
  }
  const path = join(directory, configFile)
  await writeFileAtomic(path, dnsmasqConfiguration(vpc, directory), { isDurable: false })
  // An empty group: changing groups is forbidden in an ordinary user's namespace.
  const [program = '', ...rest]: string[] = [
    ...namespace.enter,
    'dnsmasq',
    '--keep-in-foreground',
    '--user=root',
    '--group=',
    `--conf-file=${path}`,
  ]
  await processes.startDetached({ argv: [program, ...rest] }, join(directory, 'dnsmasq.log'))
}

/** The dnsmasq whose configuration lies in that directory. */
export async function findDnsmasq(directory: string): Promise<ProcessEntry | undefined> {
  const option = `--conf-file=${join(directory, configFile)}`
  const [found] = await findProcesses((argv) => argv.includes(option) && argv.includes('--keep-in-foreground'))
  return found
}
