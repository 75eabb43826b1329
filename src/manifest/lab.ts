import type { DnsRecordType } from '../ec2/ports/vpc-names.ts'
import type { FastLaunchTagValue } from '../ec2/fast-launch/fast-launch-tag.ts'
import type { TemplateDepth } from '../ec2/ports/machine-spec.ts'
import type { OperationInput } from '../api/contract.ts'
import type { LabIpv6 } from './ipv6.ts'
import type { LabNetwork } from './lab-network.ts'

/** What `up` can wait for; a boot stage of KilnDescribeInstance, or the state `running`. */
export const goals = ['running', 'ssh', 'cloud-init'] as const
export type Goal = (typeof goals)[number]

/** A lab as its manifest declares it, checked and spelt out: defaults filled in, names as EC2 will have them, files read. */
export interface Lab {
  readonly name: string
  readonly region?: string
  readonly pipelines: ReadonlyMap<string, LabPipeline>
  readonly images: ReadonlyMap<string, LabImage>
  readonly keyPairs: ReadonlyMap<string, LabKeyPair>
  readonly securityGroups: ReadonlyMap<string, LabSecurityGroup>
  /** Absent: everything is in the default VPC. */
  readonly network?: LabNetwork
  readonly instances: ReadonlyMap<string, LabInstance>
  /** By their domains. */
  readonly dnsZones: ReadonlyMap<string, LabDnsZone>
  readonly faults: ReadonlyMap<string, LabFault>
  /** Templates by name; see output.ts. */
  readonly outputs: ReadonlyMap<string, string>
}

export type Architecture = 'x86_64' | 'i386' | 'arm64'

export interface LabImage {
  readonly key: string
  /** The AMI's name; for `existing` a name or an id, for `pipeline` the name of the pipeline. */
  readonly name: string
  readonly source: ImageSource
  /** Absent: no warm templates are asked for. */
  readonly warm?: {
    /** Absent: as the image has it. */
    readonly depth?: TemplateDepth
    /** Its instances are launched when its templates are made. */
    readonly waits: boolean
  }
}

export type ImageSource =
  | { readonly kind: 'recipe'; readonly recipe: string; readonly architecture?: Architecture }
  | { readonly kind: 'catalog'; readonly entry: string }
  | {
      readonly kind: 'import'
      /** An absolute path, or an http(s) URL. */
      readonly from: string
      readonly checksum?: string
      readonly architecture: Architecture
      readonly loginUser?: string
    }
  | { readonly kind: 'pipeline'; readonly pipeline: string }
  | { readonly kind: 'existing' }

export interface LabPipeline {
  readonly key: string
  /** As the daemon knows it. */
  readonly name: string
  /** JSON, with the files that it names inside. */
  readonly document: string
}

export interface LabKeyPair {
  readonly key: string
  readonly name: string
  readonly source:
    | { readonly kind: 'generated'; readonly type: 'ed25519' | 'rsa' }
    /** One line, OpenSSH format, without a comment. */
    | { readonly kind: 'imported'; readonly publicKey: string }
}

export interface LabSecurityGroup {
  readonly key: string
  readonly name: string
  readonly ingress: readonly LabRule[]
  /** Absent: everything may go out, by whatever addresses its VPC has. */
  readonly egress?: readonly LabRule[]
}

/** One rule with one peer, in the numbers that DescribeSecurityGroups answers. */
export interface LabRule {
  readonly protocol: string
  readonly fromPort: number
  readonly toPort: number
  readonly peer: { readonly cidr: string } | { readonly group: string } | { readonly prefixListId: string }
  readonly description?: string
}

export interface LabInstance {
  readonly key: string
  readonly count: number
  /** Key of its image. */
  readonly image: string
  /** Absent: t3.micro, t4g.micro for an arm64 image, t2.micro for an i386 one. */
  readonly type?: string
  /** Key of its key pair. */
  readonly keyPair?: string
  /** Keys of its security groups; none: the default group of the VPC, as on EC2. */
  readonly securityGroups: readonly string[]
  /** Base64. */
  readonly userData?: string
  /** Size of the root disk in GiB; the image's own when absent. */
  readonly disk?: number
  readonly tags: Readonly<Record<string, string>>
  /** Key of its subnet; absent: a default one. */
  readonly subnet?: string
  readonly elasticIp: boolean
  readonly sourceDestCheck: boolean
  readonly privateIpAddress?: string
  /** Bridges of the host that it is on besides. */
  readonly bridges: readonly string[]
  /** Absent: from a warm template, where there is one. */
  readonly fastLaunch?: FastLaunchTagValue
  /** Absent: as its subnet says. */
  readonly ipv6?: LabIpv6
  readonly disableApiTermination: boolean
  readonly disableApiStop: boolean
  readonly dependsOn: ReadonlyMap<string, Goal>
  readonly schedule?: { readonly start?: string; readonly stop?: string; readonly timeZone?: string }
}

/** A private zone. */
export interface LabDnsZone {
  readonly name: string
  readonly records: readonly LabDnsRecord[]
}

export interface LabDnsRecord {
  /** Whole, without the dot at its end. */
  readonly name: string
  readonly type: DnsRecordType
  readonly ttl: number
  readonly values: readonly string[]
  /** Keys of instances, instead of values. */
  readonly instances: readonly string[]
}

/** Something that goes wrong on purpose. */
export interface LabFault {
  readonly key: string
  /** `LAB/KEY`: how the daemon knows it. */
  readonly name: string
  /** Members of KilnInjectFault. */
  readonly effect: Pick<
    OperationInput<'KilnInjectFault'>,
    'Kind' | 'DelayMs' | 'JitterMs' | 'LossPercent' | 'RateKbitPerSecond' | 'Mode' | 'RequestsPerSecond'
  >
  /** `instances.web`, `securityGroups.db`; in a plan instances by their addresses. */
  readonly targets: readonly string[]
  /** Of a partition. */
  readonly against: readonly string[]
  readonly durationSeconds: number
}

/** Tags by which a lab knows its own again: there is no state file. */
export const labTag = {
  /** The lab's name. */
  lab: 'kiln:lab',
  /** Which one of the lab: `instances.web[0]`. */
  resource: 'kiln:lab-resource',
  /** Name or id of the image that an instance was launched for. */
  image: 'kiln:lab-image',
  /** Of an image: the lab that has asked for its warm templates. */
  warm: 'kiln:lab-warm',
} as const

/** How EC2 knows a key pair, a group or an imported image of a lab, so that two labs cannot meet. */
export function nameInLab(lab: string, key: string): string {
  return `${lab}-${key}`
}

/** `instances.web[0]`: one instance of a lab. */
export function instanceAddress(key: string, index: number): string {
  return `instances.${key}[${index}]`
}

/** The Name tag of an instance: its number is left out when its manifest asks for one only. */
export function instanceName(lab: Pick<Lab, 'name'>, instance: LabInstance, index: number): string {
  const name = nameInLab(lab.name, instance.key)
  return instance.count === 1 ? name : `${name}-${index}`
}

/** The name of the schedule that starts or stops one instance of a lab. */
export function scheduleName(lab: string, address: string, action: 'start' | 'stop'): string {
  return `${lab}/${address}/${action}`
}
