/** What the instance metadata service says of one instance; the tree is made from it by src/metadata/. */
export interface InstanceMetadata {
  readonly instanceId: string
  readonly accountId: string
  readonly imageId: string
  /** What its image was made of, the nearest first. */
  readonly ancestorImageIds: readonly string[]
  readonly instanceType: string
  readonly lifeCycle: 'on-demand' | 'spot'
  /** The end that a spot instance was told of. */
  readonly spotInterruption?: { readonly action: 'terminate'; readonly time: Date }
  /** When a spot instance was recommended to be replaced. */
  readonly rebalanceNoticeTime?: Date
  /** Maintenance events that are to come or under way, and those that are over. */
  readonly scheduledEvents: readonly MaintenanceEvent[]
  readonly pastEvents: readonly MaintenanceEvent[]
  readonly hypervisor: 'nitro' | 'xen'
  readonly isMonitored: boolean
  readonly isHibernationConfigured: boolean
  readonly architecture: 'x86_64' | 'i386' | 'arm64'
  readonly launchIndex: number
  readonly launchTime: Date
  readonly reservationId: string
  readonly region: string
  readonly availabilityZone: string
  /** `use1-az1` */
  readonly availabilityZoneId: string
  readonly placementGroup?: { readonly name: string; readonly partitionNumber?: number }
  readonly localHostname: string
  readonly privateIp: string
  /** The first address of version 6 of the primary interface. */
  readonly ipv6?: string
  readonly publicIp?: string
  readonly publicHostname?: string
  /** Names, as `meta-data/security-groups` lists them. */
  readonly securityGroupNames: readonly string[]
  /** OpenSSH format, one line. */
  readonly publicKey?: { readonly name: string; readonly openSshKey: string }
  /** By user: the keys that EC2 Instance Connect has pushed, as `managed-ssh-keys/active-keys` tells them. */
  readonly activeKeys?: Readonly<Record<string, string>>
  /** Keys are `ami`, `root`, `ebs1`, …; values device names. */
  readonly blockDeviceMapping: Readonly<Record<string, string>>
  readonly interfaces: readonly InterfaceMetadata[]
  readonly tags?: Readonly<Record<string, string>>
  /** Of marketplace products; absent: none. */
  readonly productCodes?: readonly string[]
  /** Raw bytes, decoded; absent: 404. */
  readonly userData?: Buffer
  readonly options: MetadataOptions
  /** A fault has its requests answered by errors. */
  readonly isFailing?: true
  /** Absent: the instance has no profile. */
  readonly role?: InstanceRole
  /** Absent: nobody launched it, and it has no credentials. */
  readonly identity?: InstanceIdentity
}

/** A maintenance event in the words of `events/maintenance`. */
export interface MaintenanceEvent {
  readonly id: string
  readonly code: string
  readonly description: string
  readonly state: 'active' | 'completed' | 'canceled'
  readonly notBefore: Date
  readonly notAfter: Date
}

/** Temporary credentials as a guest is given them. */
export interface GuestCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiresAt: Date
}

/** The role of an instance and the temporary credentials that stand for it. */
export interface InstanceRole {
  readonly name: string
  readonly profileArn: string
  readonly profileId: string
  readonly updatedAt: Date
  /** Made when they are asked for. */
  readonly credentials: () => GuestCredentials
}

/** The instance identity role: its credentials say who the instance is, and allow nothing. */
export interface InstanceIdentity {
  readonly updatedAt: Date
  /** Made when they are asked for. */
  readonly credentials: () => GuestCredentials
}

export interface MetadataOptions {
  readonly isEnabled: boolean
  readonly tokens: 'optional' | 'required'
  readonly hopLimit: number
  readonly areTagsEnabled: boolean
}

export interface InterfaceMetadata {
  /** Lower case. */
  readonly mac: string
  readonly interfaceId: string
  readonly deviceNumber: number
  readonly networkCard: number
  readonly ownerId: string
  readonly vpcId: string
  /** The first block of the VPC first. */
  readonly vpcCidrs: readonly string[]
  readonly subnetId: string
  readonly subnetCidr: string
  /** Blocks and addresses of version 6; absent: none. */
  readonly vpcIpv6Cidrs?: readonly string[]
  readonly subnetIpv6Cidrs?: readonly string[]
  readonly ipv6s?: readonly string[]
  /** The primary one first. */
  readonly privateIps: readonly string[]
  /** The public addresses with the private ones that they stand for. */
  readonly publicIps: readonly { readonly publicIp: string; readonly privateIp: string }[]
  readonly localHostname: string
  /** What stands for the primary private address. */
  readonly publicIp?: string
  readonly publicHostname?: string
  readonly securityGroupIds: readonly string[]
  readonly securityGroupNames: readonly string[]
}

/** Whoever asks the metadata service. */
export interface MetadataAsker {
  readonly instanceId: string
  /** What it may be told; asked for only when it is told anything. */
  describe(): InstanceMetadata
}

/** Finds whose request it is: the interface with that private address in that VPC. */
export type MetadataLookup = (vpcId: string, sourceIp: string) => MetadataAsker | undefined

/** Told of each path that an instance has read, so that boot stages can be seen; not of what was refused. */
export type MetadataObserver = (instanceId: string, path: string) => void
