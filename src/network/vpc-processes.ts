import { basename } from 'node:path'
import type { Clock } from '../host/clock.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { findProcesses, isProcessAlive, type ProcessEntry, signalProcess } from '../host/process-table.ts'

/** In the place of a VPC's id: of the user namespace that all of them are nested in. */
export const commonDirectory = 'common'

/** File names in `networks/VPC/`; their paths among a process's arguments say whose it is. */
export const networkFile = {
  holder: 'holder',
  holderLog: 'holder.log',
  dnsmasqConfiguration: 'dnsmasq.conf',
  dnsmasqHosts: 'dnsmasq.hosts',
  dnsmasqNames: 'dnsmasq.names',
  dnsmasqOptions: 'dnsmasq.options',
  dnsmasqLeases: 'dnsmasq.leases',
  dnsmasqPid: 'dnsmasq.pid',
  dnsmasqLog: 'dnsmasq.log',
  pastaPid: 'pasta.pid',
} as const

const endTimeoutMs = 2000

/** What an earlier daemon left running for one VPC. */
export interface VpcProcesses {
  readonly holder?: ProcessIdentity
  readonly dnsmasq?: ProcessIdentity
  readonly pasta?: ProcessIdentity
  /** Those that keep the namespaces of NAT gateways, by the gateway's id. */
  readonly natHolders?: ReadonlyMap<string, ProcessIdentity>
  /** Half-started ones and whatever else names the VPC's directory. */
  readonly others: readonly ProcessIdentity[]
}

/** The file that the process which keeps a NAT gateway's namespace follows. */
export function natHolderFile(natGatewayId: string): string {
  return `${natGatewayId}.${networkFile.holder}`
}

/** Finds them all in one look at /proc, by VPC; `commonDirectory` is one of them. */
export async function findVpcProcesses(networksDirectory: string): Promise<Map<string, VpcProcesses>> {
  const prefix = `${networksDirectory}/`
  const entries = await findProcesses((argv) => isOurs(argv) && argv.some((argument) => argument.includes(prefix)))
  const found = new Map<string, VpcProcesses>()
  for (const entry of entries) {
    const named = entry.argv.find((argument) => argument.includes(prefix)) ?? ''
    const vpcId = named.slice(named.indexOf(prefix) + prefix.length).split('/')[0] ?? ''
    found.set(vpcId, sort(found.get(vpcId) ?? { others: [] }, entry, `${prefix}${vpcId}`))
  }
  return found
}

/** The machines on those taps: QEMU's arguments name them. */
export async function findMachinesOnTaps(tapNames: readonly string[]): Promise<ProcessIdentity[]> {
  const names = tapNames.map((name) => `ifname=${name},`)
  return await findProcesses((argv) => argv.some((argument) => names.some((name) => argument.includes(name))))
}

/** Ends a process and waits until it is gone; SIGKILL follows when it takes its time. */
export async function endProcess(clock: Clock, identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  await signalProcess(identity, signal)
  const deadline = clock.monotonicMs() + endTimeoutMs
  while (await isProcessAlive(identity)) {
    if (clock.monotonicMs() > deadline) await signalProcess(identity, 'SIGKILL')
    await clock.sleep(2)
  }
}

/** The kernel's copy of the arguments may begin with pasta's build for the processor: pasta.avx2. */
export function isPasta(argv: readonly string[]): boolean {
  return /^pasta(\.avx2)?$/.test(basename(argv[0] ?? ''))
}

function isOurs(argv: readonly string[]): boolean {
  return isPasta(argv) || ['dnsmasq', 'tail', 'unshare', 'nsenter'].includes(basename(argv[0] ?? ''))
}

function sort(known: VpcProcesses, entry: ProcessEntry, directory: string): VpcProcesses {
  const { argv } = entry
  const program = basename(argv[0] ?? '')
  if (!known.holder && program === 'tail' && argv.at(-1) === `${directory}/${networkFile.holder}`) {
    return { ...known, holder: entry }
  }
  const configuration = `--conf-file=${directory}/${networkFile.dnsmasqConfiguration}`
  if (!known.dnsmasq && program === 'dnsmasq' && argv.includes(configuration)) return { ...known, dnsmasq: entry }
  if (!known.pasta && isPasta(argv) && argv.includes(`${directory}/${networkFile.pastaPid}`)) {
    return { ...known, pasta: entry }
  }
  const natGatewayId = /\/(nat-[0-9a-f]+)\.holder$/.exec(argv.at(-1) ?? '')?.[1]
  if (program === 'tail' && natGatewayId !== undefined && !known.natHolders?.has(natGatewayId)) {
    return { ...known, natHolders: new Map([...(known.natHolders ?? []), [natGatewayId, entry]]) }
  }
  return { ...known, others: [...known.others, entry] }
}
