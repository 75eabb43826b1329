import type { LaunchWay } from '../fast-launch/fast-launch.ts'
import type { Hibernation } from '../hibernation/hibernation.ts'
import type { BootSettings } from '../image/boot-settings.ts'
import type { InstanceEvent } from '../instance-event/instance-event.ts'
import type { Accelerator, Architecture } from '../ports/accelerator.ts'
import type { PrivateDnsOptions } from '../network-interface/dns-name.ts'
import type { ResourceRecord } from '../ports/store.ts'
import type { SpotInterruption } from '../spot/spot-request.ts'
import type { Tenancy } from '../vpc/vpc.ts'
import type { CurrentBootMode } from './boot-mode.ts'

/** EC2's instance states with their codes ("Instance lifecycle"). */
export const instanceStateCodes = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const

export type InstanceState = keyof typeof instanceStateCodes

export interface StateReason {
  readonly code: string
  readonly message: string
}

/** Stages of a boot in their order; a machine reaches each at most once a start. */
export const bootStages = ['disk', 'qemu', 'firmware', 'kernel', 'network', 'metadata', 'cloud-init', 'ssh'] as const
export type BootStage = (typeof bootStages)[number]

export interface InstanceMetadataOptions {
  readonly httpEndpoint: 'enabled' | 'disabled'
  readonly httpTokens: 'optional' | 'required'
  readonly httpPutResponseHopLimit: number
  readonly instanceMetadataTags: 'enabled' | 'disabled'
  /** Whether the service answers at its IPv6 address, too; absent: it does not. */
  readonly httpProtocolIpv6?: 'enabled' | 'disabled'
}

/** How a burstable type pays for more than its baseline. Kiln never throttles; the choice is kept and told. */
export type CpuCredits = 'standard' | 'unlimited'

/** The role that a server was given, by the profile that holds it. */
export interface InstanceProfile {
  readonly arn: string
  /** `AIPA…` */
  readonly id: string
  readonly name: string
}

/** The placement group that a server is in. */
export interface InstancePlacement {
  readonly groupId: string
  readonly groupName: string
  /** Only in a group of partitions. */
  readonly partitionNumber?: number
}

/** Processors as the guest sees them. */
export interface CpuOptions {
  readonly coreCount: number
  readonly threadsPerCore: number
}

/** The spot request that an instance fulfils. */
export interface InstanceSpot {
  readonly requestId: string
  /** Once it was recommended to be replaced. */
  readonly rebalanceNoticedAt?: string
  /** Once it was told that it will be taken away. */
  readonly interruption?: SpotInterruption
}

/** A server. Its volumes and interfaces name it in their attachments. */
export interface InstanceRecord extends ResourceRecord, BootSettings {
  readonly reservationId: string
  readonly launchIndex: number
  readonly launchTime: string
  readonly clientToken?: string
  readonly imageId: string
  /** Of the marketplace products that are in it, which follow it wherever it goes. */
  readonly productCodes?: readonly string[]
  readonly architecture: Architecture
  /** How its type lets it boot; absent on instances of before: as the image says. */
  readonly currentBootMode?: CurrentBootMode
  readonly instanceType: string
  readonly vpcId: string
  readonly subnetId: string
  readonly availabilityZone: string
  readonly privateIp: string
  readonly keyName?: string
  /** The key as it was at launch: deleting or replacing the key pair later does not change a server. */
  readonly publicKey?: string
  /** Base64 of at most 16 KiB. */
  readonly userData?: string
  readonly rootDeviceName: string
  readonly shutdownBehavior: 'stop' | 'terminate'
  readonly hasTerminationProtection: boolean
  readonly hasStopProtection: boolean
  readonly isEbsOptimized: boolean
  readonly isMonitored: boolean
  readonly metadataOptions: InstanceMetadataOptions
  readonly iamInstanceProfile?: InstanceProfile
  readonly placement?: InstancePlacement
  /** Absent: `default`. */
  readonly tenancy?: Tenancy
  /** Absent: the processors of the type. */
  readonly cpuOptions?: CpuOptions
  /** Absent: on demand. */
  readonly spot?: InstanceSpot
  /** Only of burstable types. Absent: EC2's default of the type. */
  readonly cpuCredits?: CpuCredits
  /** Absent: `open`. */
  readonly capacityReservationPreference?: 'open' | 'none'
  /** `disabled`: not started again after the host was rebooted. */
  readonly autoRecovery: 'default' | 'disabled'
  /** Absent: `default`. Kept and told: nothing here reboots an instance on a schedule of its own. */
  readonly rebootMigration?: 'default' | 'disabled'
  /** How it is called in its VPC; absent on instances of before: as their subnet says. */
  readonly privateDns?: PrivateDnsOptions
  /** Bridges of the host that its machine has network devices on, besides its interfaces; absent: none. */
  readonly bridges?: readonly string[]
  /** SMBIOS system UUID. */
  readonly uuid: string
  readonly state: InstanceState
  readonly stateChangedAt: string
  readonly stateReason?: StateReason
  /** EC2's text: `User initiated (2026-11-23 10:00:00 GMT)`. */
  readonly stateTransitionReason: string
  /** Whether it may be hibernated; absent: it may not. */
  readonly isHibernationConfigured?: boolean
  /** Its memory, as long as it is hibernated. */
  readonly hibernation?: Hibernation
  /** What was asked while in a state and is still to be done. */
  readonly request?: InstanceRequest
  /** What is or was scheduled for it, the oldest first. */
  readonly events?: readonly InstanceEvent[]
  /** The start under way or in force: when it was asked for, with what it runs, which stages it has reached. */
  readonly boot?: InstanceBoot
}

export interface InstanceRequest {
  /** `stopping` is to be done by force. */
  readonly isForced?: boolean
  /** `stopping` is to keep the memory. */
  readonly isHibernation?: boolean
  /** A reboot that was acknowledged and not done yet. */
  readonly isReboot?: boolean
}

export interface InstanceBoot {
  readonly requestedAt: string
  readonly isFirst: boolean
  readonly accelerator?: Accelerator
  readonly acceleratorReason?: string
  readonly generationId: string
  /** The template that its first machine is to go on from, until its guest knows who it is: a try that was broken off came to nothing. */
  readonly cloning?: string
  /** How its machine came to run; absent: it booted, and nothing else was looked for. */
  readonly way?: LaunchWay
  /** Size of the console log, which all boots append to, when this one began. */
  readonly consoleStart?: number
  /** Seconds after `requestedAt`. */
  readonly stages: Readonly<Partial<Record<BootStage, number>>>
  /** What cloud-init complained of on the console. */
  readonly guestWarnings?: readonly string[]
}
