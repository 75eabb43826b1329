import type { InstanceStateChange } from '@aws-sdk/client-ec2'
import { z } from 'zod'
import type { TemplateDepth } from '../../ec2/ports/machine-spec.ts'
import { instanceEventCodes, type InstanceEventCode } from '../../ec2/instance-event/instance-event.ts'

const time = z.iso.datetime({ offset: true, error: 'expected an ISO 8601 time' })

/** What EC2 does not tell or do of an instance. */
export const instanceInputs = {
  /** How an instance boots and runs: stages with their seconds, process, files. */
  KilnDescribeInstance: z.strictObject({ InstanceId: z.string() }),
  /** Stops running instances and keeps their memory, whether or not they were launched with HibernationOptions. */
  KilnSuspendInstances: z.strictObject({ InstanceIds: z.array(z.string()).min(1) }),
  /** Gives a spot instance notice, and takes it away when the notice is over. */
  KilnInterruptSpotInstance: z.strictObject({
    InstanceId: z.string(),
    /** EC2's are two minutes. */
    NoticeSeconds: z.number().int().min(0).max(86_400).optional(),
  }),
  /** Tells a spot instance that it might be interrupted soon. */
  KilnRecommendRebalance: z.strictObject({ InstanceId: z.string() }),
  /** Schedules a maintenance event, which comes at its time. */
  KilnScheduleInstanceEvent: z.strictObject({
    InstanceId: z.string(),
    Code: z.enum(instanceEventCodes),
    NotBefore: time,
    NotAfter: time,
    /** Until when ModifyInstanceEventStartTime may put it off; absent: it may not. */
    NotBeforeDeadline: time.optional(),
    Description: z.string().min(1).max(255).optional(),
  }),
  /** Takes maintenance events back that have not come yet. */
  KilnCancelInstanceEvents: z.strictObject({
    InstanceId: z.string(),
    /** Absent: all. */
    InstanceEventId: z.string().optional(),
  }),
}

export interface InstanceOutputs {
  KilnDescribeInstance: InstanceDetail
  KilnSuspendInstances: { StoppingInstances: InstanceStateChange[] }
  KilnInterruptSpotInstance: { InstanceId: string; Action: 'terminate'; Time: string }
  KilnRecommendRebalance: { InstanceId: string; NoticeTime: string }
  KilnScheduleInstanceEvent: ScheduledEvent
  KilnCancelInstanceEvents: { InstanceId: string; InstanceEventIds: string[] }
}

/** A maintenance event that was scheduled. */
export interface ScheduledEvent {
  InstanceId: string
  InstanceEventId: string
  Code: InstanceEventCode
  NotBefore: string
  NotAfter: string
  NotBeforeDeadline?: string
}

export type BootStageName = 'disk' | 'qemu' | 'firmware' | 'kernel' | 'network' | 'metadata' | 'cloud-init' | 'ssh'

export interface PublicPortDetail {
  Protocol: 'tcp' | 'udp'
  PublicIp: string
  Port: number
  HostPort?: number
  Problem?: string
}

/** How a machine came to run: it goes on from a warm template, or it booted, and why. */
export type BootWay = { Kind: 'template'; TemplateId: string; Depth: TemplateDepth } | { Kind: 'boot'; Reason?: string }

export interface InstanceDetail {
  InstanceId: string
  /** How its machine came to run; absent: it booted, and nothing else was looked for. */
  BootWay?: BootWay
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
  /** Its memory, when it is hibernated: where that lies and what of the disk it takes. */
  Hibernation?: { SavedAt: string; Path: string; SizeBytes: number; Encrypted: boolean }
  /** How the host reaches the instance; `HostPort` differs from `Port` where ports below 1024 need root. */
  PublicPorts: PublicPortDetail[]
  /** Wide ranges that its groups open, of which the host offers the well-known ports only. */
  PartlyOffered: { Protocol: 'tcp' | 'udp'; PublicIp: string; FromPort: number; ToPort: number }[]
  /** Its network devices on bridges of the host. `Addresses`: those that it has taken there within a day, the latest first. */
  Bridges?: { Bridge: string; MacAddress: string; Addresses: string[] }[]
  /** What it has sent in vain since its VPC's network was made: under another's name, or beyond what one interface may. Absent: nothing. */
  DroppedPackets?: { Forged: number; Flood: number }
  /** For example a disk-full pause, or what cloud-init in the guest complained of. */
  Problem?: string
}
