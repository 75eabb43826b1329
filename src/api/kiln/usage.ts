import { z } from 'zod'
import type { Capacity } from './daemon.ts'

/** What running machines take of the host. */
export const usageInputs = {
  /** Of the account's instances in all regions. */
  KilnDescribeUsage: z.strictObject({
    /** False: without their memory. That is what is dear to find out; for a second look that only tells how fast something grows. */
    IncludeMemory: z.boolean().optional(),
  }),
}

export interface UsageOutputs {
  KilnDescribeUsage: UsageDescription
}

export interface UsageDescription {
  Host: {
    /** When this was looked at, in the host's own time. */
    UptimeSeconds: number
    Processors: number
    MemoryBytes: number
    /** What programs can have without anything being swapped out. */
    AvailableBytes: number
    SwapBytes: number
    FreeSwapBytes: number
    /** What the kernel saves by keeping pages of the same content once (KSM); absent: it does not look for them. */
    MergedBytes?: number
  }
  Capacity: Capacity
  Daemon: ProcessUsage
  Instances: InstanceUsage[]
}

/** What a process has taken since its start, and the memory that it has now. */
export interface ProcessUsage extends Partial<MemoryUsage> {
  Pid: number
  ProcessorSeconds: number
}

export interface MemoryUsage {
  /** In the host's memory, however many others have the same. */
  ResidentBytes: number
  /** The same, each page counted as the part of one that falls to this process. */
  ProportionalBytes: number
  /** What of it others have as well. */
  SharedBytes: number
  SwappedBytes: number
}

/** The process is its QEMU. */
export interface InstanceUsage extends ProcessUsage {
  InstanceId: string
  /** Of the tag. */
  Name?: string
  Region: string
  InstanceType: string
  /** What the guest takes for its memory. */
  GuestMemoryBytes: number
  /** Absent when QEMU does not answer. */
  DiskReadBytes?: number
  DiskWrittenBytes?: number
  NetworkReceivedBytes: number
  NetworkSentBytes: number
}
