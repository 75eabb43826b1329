import { z } from 'zod'

/** What EC2 does not tell or do of an instance. */
export const instanceInputs = {
  /** How an instance boots and runs: stages with their seconds, process, files. */
  KilnDescribeInstance: z.strictObject({ InstanceId: z.string() }),
  /** Gives a spot instance notice, and takes it away when the notice is over. */
  KilnInterruptSpotInstance: z.strictObject({
    InstanceId: z.string(),
    /** EC2's are two minutes. */
    NoticeSeconds: z.number().int().min(0).max(86_400).optional(),
  }),
}

export interface InstanceOutputs {
  KilnDescribeInstance: InstanceDetail
  KilnInterruptSpotInstance: { InstanceId: string; Action: 'terminate'; Time: string }
}

export type BootStageName = 'disk' | 'qemu' | 'firmware' | 'kernel' | 'network' | 'metadata' | 'cloud-init' | 'ssh'

export interface InstanceDetail {
  InstanceId: string
  /** When the present or last boot was asked for: by a launch, a start, a reboot, or the guest itself. */
  BootRequestedAt?: string
  /** Seconds after that; absent while not reached. */
  BootStages: { Name: BootStageName; Seconds?: number }[]
  Accelerator?: { Name: 'kvm' | 'tcg'; Reason: string }
  QemuPid?: number
  LoginUser: string
  /** Directory with the console log and the sockets. */
  MachineDirectory: string
  RootDisk?: { Path: string; VirtualSizeBytes: number; AllocatedBytes: number }
  /** How the host reaches the instance; `HostPort` differs from `Port` where ports below 1024 need root. */
  PublicPorts: { Port: number; HostPort?: number; Problem?: string }[]
  /** For example a disk-full pause, or what cloud-init in the guest complained of. */
  Problem?: string
}
