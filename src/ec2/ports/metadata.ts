/** What the instance metadata service says of one instance; the tree is made from it by src/metadata/. */
export interface InstanceMetadata {
  readonly instanceId: string
  readonly accountId: string
  readonly imageId: string
  readonly instanceType: string
  readonly lifeCycle: 'on-demand' | 'spot'
  /** The end that a spot instance was told of. */
  readonly spotInterruption?: { readonly action: 'terminate'; readonly time: Date }
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
  readonly publicIp?: string
  readonly publicHostname?: string
  /** Names, as `meta-data/security-groups` lists them. */
  readonly securityGroupNames: readonly string[]
  /** OpenSSH format, one line. */
  readonly publicKey?: { readonly name: string; readonly openSshKey: string }
  /** Keys are `ami`, `root`, `ebs1`, …; values device names. */
  readonly blockDeviceMapping: Readonly<Record<string, string>>
  readonly interfaces: readonly InterfaceMetadata[]
  readonly tags?: Readonly<Record<string, string>>
  /** Of marketplace products; absent: none. */
  readonly productCodes?: readonly string[]
  /** Raw bytes, decoded; absent: 404. */
  readonly userData?: Buffer
  readonly options: MetadataOptions
  /** Absent: the instance has no profile. */
  readonly role?: InstanceRole
}

/** The role of an instance and the temporary credentials that stand for it. */
export interface InstanceRole {
  readonly name: string
  readonly profileArn: string
  readonly profileId: string
  readonly updatedAt: Date
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken: string
    readonly expiresAt: Date
  }
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
  readonly ownerId: string
  readonly vpcId: string
  /** The first block of the VPC first. */
  readonly vpcCidrs: readonly string[]
  readonly subnetId: string
  readonly subnetCidr: string
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

/** Finds whose request it is: the interface with that private address in that VPC. */
export type MetadataLookup = (vpcId: string, sourceIp: string) => InstanceMetadata | undefined

/** Told of each path that an instance has read, so that boot stages can be seen; not of what was refused. */
export type MetadataObserver = (instanceId: string, path: string) => void
