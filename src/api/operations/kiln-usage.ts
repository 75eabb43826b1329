import type { Domain } from '../../ec2/domain.ts'
import { bridgedDevicesOf } from '../../ec2/instance/bridged-device.ts'
import { leftCapacity, usedCapacity } from '../../ec2/instance/capacity.ts'
import type { InstanceRecord } from '../../ec2/instance/instance.ts'
import type { Machine } from '../../ec2/ports/machine.ts'
import { tapNameOf } from '../../ec2/network-interface/network-interface.ts'
import { readHostUsage } from '../../host/host-usage.ts'
import { identifyProcess } from '../../host/process-table.ts'
import { type ProcessMemory, readProcessMemory, readProcessorSeconds } from '../../host/process-usage.ts'
import type { AnyOperation } from '../dispatch.ts'
import { query } from '../kiln-operation.ts'
import type { Capacity } from '../kiln/daemon.ts'
import type { InstanceUsage, MemoryUsage, ProcessUsage, UsageDescription } from '../kiln/usage.ts'

/** What running machines take of the host. */
export function kilnUsageOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnDescribeUsage: query('KilnDescribeUsage', ({ accountId }, { IncludeMemory: hasMemory = true }) =>
      describeUsage(domain, accountId, hasMemory),
    ),
  }
}

/** How much of the host is promised to instances, and to how much that may grow. */
export function describeCapacity(domain: Domain): Capacity {
  const { settings } = domain
  const used = usedCapacity(domain)
  return {
    VCpus: settings.vCpuCapacity,
    UsedVCpus: used.vCpus,
    MemoryMib: settings.memoryCapacityMib,
    UsedMemoryMib: used.memoryMib,
    AvailableMemoryMib: Math.max(0, leftCapacity(domain).memoryMib),
  }
}

async function describeUsage(domain: Domain, accountId: string, hasMemory: boolean): Promise<UsageDescription> {
  const machines = [...domain.instances.runtimes()].flatMap(({ id, machine }) => {
    const record = domain.store.instances.find(id)
    return machine && record?.accountId === accountId ? [{ record, machine }] : []
  })
  // All at one time, so that what has grown since an earlier answer is of the same seconds for each.
  const [host, daemon, ...instances] = await Promise.all([
    readHostUsage(),
    describeDaemon(hasMemory),
    ...machines.map(({ record, machine }) => describeInstance(domain, record, machine, hasMemory)),
  ])
  return {
    Host: {
      UptimeSeconds: host.uptimeSeconds,
      Processors: host.processors,
      MemoryBytes: host.memory,
      AvailableBytes: host.available,
      SwapBytes: host.swap,
      FreeSwapBytes: host.freeSwap,
      ...(host.merged === undefined ? {} : { MergedBytes: host.merged }),
    },
    Capacity: describeCapacity(domain),
    Daemon: daemon,
    Instances: instances.filter((instance) => instance !== undefined),
  }
}

async function describeDaemon(hasMemory: boolean): Promise<ProcessUsage> {
  const { pid } = process
  const identity = await identifyProcess(pid)
  const [seconds = 0, memory] = await Promise.all([
    identity && readProcessorSeconds(identity),
    hasMemory ? readProcessMemory(pid) : undefined,
  ])
  return { Pid: pid, ProcessorSeconds: seconds, ...describeMemory(memory) }
}

/** Undefined when the machine has just ended. */
async function describeInstance(
  { store, instanceTypes }: Domain,
  record: InstanceRecord,
  machine: Machine,
  hasMemory: boolean,
): Promise<InstanceUsage | undefined> {
  const usage = await machine.measure({ hasMemory })
  if (!usage) return undefined
  const name = store.tags.of(record.id).find(({ key }) => key === 'Name')?.value
  const taps = [
    ...store.interfaces.listBy('attachment.instanceId', record.id).map(({ id }) => tapNameOf(id)),
    ...bridgedDevicesOf(record).map(({ tapName }) => tapName),
  ].flatMap((tapName) => usage.taps.get(tapName) ?? [])
  return {
    InstanceId: record.id,
    ...(name === undefined ? {} : { Name: name }),
    Region: record.region,
    InstanceType: record.instanceType,
    GuestMemoryBytes: instanceTypes.get(record.instanceType).memoryMib * 1024 ** 2,
    Pid: machine.pid,
    ProcessorSeconds: usage.processorSeconds,
    ...describeMemory(usage.memory),
    ...(usage.drives ? { DiskReadBytes: usage.drives.read, DiskWrittenBytes: usage.drives.written } : {}),
    // What a tap sends, the guest receives.
    NetworkReceivedBytes: taps.reduce((sum, { sent }) => sum + sent, 0),
    NetworkSentBytes: taps.reduce((sum, { received }) => sum + received, 0),
  }
}

function describeMemory(memory: ProcessMemory | undefined): Partial<MemoryUsage> {
  if (!memory) return {}
  return {
    ResidentBytes: memory.resident,
    ProportionalBytes: memory.proportional,
    SharedBytes: memory.shared,
    SwappedBytes: memory.swapped,
  }
}
