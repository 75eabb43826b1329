import { z } from 'zod'

/** The daemon itself. */
export const daemonInputs = {
  /** Health and addresses of the daemon. */
  KilnGetStatus: z.strictObject({}),
  /** What AWS tools need to talk to this daemon. */
  KilnGetEnvironment: z.strictObject({}),
}

export interface DaemonOutputs {
  KilnGetStatus: DaemonStatus
  KilnGetEnvironment: {
    EndpointUrl: string
    AccessKeyId: string
    SecretAccessKey: string
    Region: string
    AccountId: string
  }
}

export interface DaemonStatus {
  Pid: number
  Version: string
  StartedAt: string
  /** `ok`, or `degraded` when Warnings says something that needs the user. */
  Health: 'ok' | 'degraded'
  StateDirectory: string
  EndpointUrl: string
  /** Where serial consoles are opened by SSH; absent: nowhere. */
  SerialConsole?: { Address: string; Port: number }
  /** Loopback block of this daemon's public addresses. */
  PublicCidr: string
  Accelerator: { Name: 'kvm' | 'tcg'; IsProven: boolean; Reason: string }
  Capacity: Capacity
  InstanceCounts: Record<string, number>
  Warnings: string[]
}

/** What instances may have of this host together, and what is promised to those that run or are about to, of all accounts. */
export interface Capacity {
  VCpus: number
  UsedVCpus: number
  MemoryMib: number
  UsedMemoryMib: number
  /** What further instances may have of it now: what is not promised, and is available without the host swapping. */
  AvailableMemoryMib: number
}
