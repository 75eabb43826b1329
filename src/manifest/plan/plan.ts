import type { DnsRecordType } from '../../ec2/ports/vpc-names.ts'
import type { TemplateDepth } from '../../ec2/ports/machine-spec.ts'
import type { LabNatGateway, LabNetwork, LabPeering, LabSubnet } from '../lab-network.ts'
import type { LabIpv6 } from '../ipv6.ts'
import type { Goal, LabFault, LabImage, LabKeyPair, LabPipeline, LabRule, LabSecurityGroup } from '../lab.ts'

/** What is to be done to bring a lab about: what the user is shown, and the operations that do it. */
export interface Plan {
  readonly lab: string
  readonly changes: readonly Change[]
  /** In no order but that of `after`. */
  readonly operations: readonly Operation[]
  /** Why it cannot be carried out. */
  readonly refusals: readonly string[]
  /** Ids of what is there already, by address. */
  readonly known: ReadonlyMap<string, string>
}

export type ChangeAction = 'create' | 'update' | 'replace' | 'delete'

/** One line of the diff with what is below it. */
export interface Change {
  /** `instances.web[0]` */
  readonly address: string
  readonly action: ChangeAction
  /** Of what is there. */
  readonly id?: string
  readonly details: readonly Detail[]
}

/** A value that comes (`new` alone), goes (`old` alone) or changes. */
export interface Detail {
  readonly name: string
  readonly old?: string
  readonly new?: string
  /** It cannot be changed in place. */
  readonly forcesReplacement?: boolean
  /** What the change means for a running server. */
  readonly note?: string
}

/** A step of the way; it waits for those of `after` that the plan has. */
export type Operation = Work & {
  /** `launch instances.web[0]`: unique, and what the progress shows. */
  readonly id: string
  readonly after: readonly string[]
}

export type Work =
  | { readonly kind: 'put-pipeline'; readonly pipeline: LabPipeline }
  | { readonly kind: 'delete-pipeline'; readonly name: string }
  | { readonly kind: 'make-image'; readonly address: string; readonly image: LabImage }
  | {
      readonly kind: 'warm-image'
      readonly address: string
      readonly types: readonly string[]
      readonly depth?: TemplateDepth
      readonly waits: boolean
      /** Nobody has asked for templates of it yet: the lab does, and takes that back when it goes. */
      readonly isFirst: boolean
    }
  | { readonly kind: 'cool-image'; readonly imageId: string }
  | { readonly kind: 'deregister-image'; readonly imageId: string }
  | { readonly kind: 'create-key-pair'; readonly keyPair: LabKeyPair }
  | { readonly kind: 'delete-key-pair'; readonly name: string; readonly publicKey: string }
  | { readonly kind: 'create-group'; readonly address: string; readonly group: LabSecurityGroup }
  | ({ readonly kind: 'change-rules'; readonly group: string } & RuleChanges)
  | { readonly kind: 'delete-group'; readonly groupId: string }
  | { readonly kind: 'put-vpc'; readonly network: Omit<LabNetwork, 'subnets' | 'natGateways' | 'peerings'> }
  /** `ipv6Number` is that of the /64 that it shall be given. */
  | { readonly kind: 'put-subnet'; readonly subnet: LabSubnet; readonly ipv6Number?: number }
  | { readonly kind: 'put-routes'; readonly subnet: LabSubnet }
  | { readonly kind: 'put-nat-gateway'; readonly gateway: LabNatGateway }
  | { readonly kind: 'put-peering'; readonly peering: LabPeering; readonly cidr: string }
  | { readonly kind: 'delete-peering'; readonly peeringId: string; readonly peerVpcId: string }
  | { readonly kind: 'put-address'; readonly address: string }
  | { readonly kind: 'release-address'; readonly allocationId: string }
  | { readonly kind: 'delete-nat-gateway'; readonly natGatewayId: string }
  | { readonly kind: 'delete-subnet'; readonly subnetId: string; readonly routeTableId?: string }
  | {
      readonly kind: 'delete-vpc'
      readonly vpcId: string
      readonly internetGatewayId?: string
      readonly egressOnlyGatewayId?: string
    }
  | { readonly kind: 'launch-instance'; readonly launch: Launch }
  | ({ readonly kind: 'change-instance'; readonly instanceId: string } & InstanceChanges)
  | { readonly kind: 'change-type'; readonly instanceId: string; readonly type: string; readonly isRunning: boolean }
  | { readonly kind: 'terminate-instance'; readonly instanceId: string }
  | { readonly kind: 'put-schedule'; readonly schedule: PlannedSchedule }
  | { readonly kind: 'delete-schedule'; readonly name: string }
  | { readonly kind: 'create-zone'; readonly address: string; readonly name: string }
  | { readonly kind: 'change-records'; readonly zone: string; readonly changes: readonly RecordChange[] }
  | { readonly kind: 'delete-zone'; readonly zoneId: string }
  | { readonly kind: 'inject-fault'; readonly fault: LabFault }
  | { readonly kind: 'clear-fault'; readonly faultId: string }
  | { readonly kind: 'await-instance'; readonly address: string; readonly goal: Goal }

/** A change of a record; instances by their addresses. */
export interface RecordChange {
  readonly action: 'upsert' | 'delete'
  readonly name: string
  readonly type: DnsRecordType
  readonly ttl?: number
  readonly values: readonly string[]
  readonly instances: readonly string[]
}

export interface RuleChanges {
  readonly revokeIngress: readonly LabRule[]
  readonly authorizeIngress: readonly LabRule[]
  readonly revokeEgress: readonly LabRule[]
  readonly authorizeEgress: readonly LabRule[]
}

/** A launch; images and groups by their addresses. */
export interface Launch {
  readonly address: string
  readonly image: string
  readonly type: string
  readonly keyName?: string
  readonly groups: readonly string[]
  readonly userData?: string
  readonly disk?: number
  /** Address of its subnet. */
  readonly subnet?: string
  readonly sourceDestCheck: boolean
  readonly privateIpAddress?: string
  readonly ipv6?: LabIpv6
  readonly disableApiTermination: boolean
  readonly disableApiStop: boolean
  readonly tags: Readonly<Record<string, string>>
}

export interface InstanceChanges {
  readonly putTags: Readonly<Record<string, string>>
  readonly removeTags: readonly string[]
  /** Addresses of all its groups; absent when they stay. */
  readonly groups?: readonly string[]
  readonly disableApiTermination?: boolean
  readonly disableApiStop?: boolean
  readonly sourceDestCheck?: boolean
}

export interface PlannedSchedule {
  readonly name: string
  /** Address of the instance. */
  readonly instance: string
  readonly action: 'start' | 'stop'
  readonly cron: string
  readonly timeZone?: string
}

/** A plan that is being written. */
export interface PlanDraft {
  readonly changes: Change[]
  readonly operations: Operation[]
  readonly refusals: string[]
  readonly known: Map<string, string>
}

/** The draft as a plan: its changes in the order of a manifest, waits for what it does not do left out. */
export function finishPlan(lab: string, draft: PlanDraft): Plan {
  const ids = new Set(draft.operations.map(({ id }) => id))
  const rank = ({ address }: Change) => sections.findIndex((section) => address.startsWith(section))
  return {
    lab,
    changes: draft.changes.sort((a, b) => rank(a) - rank(b)),
    operations: draft.operations.map((operation) => ({
      ...operation,
      after: [...new Set(operation.after)].filter((id) => ids.has(id) && id !== operation.id),
    })),
    refusals: draft.refusals,
    known: draft.known,
  }
}

const sections = [
  'pipelines.',
  'images.',
  'keyPairs.',
  'vpc',
  'subnets.',
  'natGateways.',
  'peerings.',
  'securityGroups.',
  'instances.',
  'dnsZones.',
  'faults.',
]

/** The address of a lab's own VPC. */
export const vpcAddress = 'vpc'

/** Stands for the default group of the VPC, which no lab makes. */
export const defaultGroupAddress = 'default security group'

/** Names of operations, by which others wait for them. */
export const operationId = {
  putPipeline: (name: string) => `set pipeline ${name}`,
  deletePipeline: (name: string) => `delete pipeline ${name}`,
  makeImage: (name: string) => `make image ${name}`,
  warmImage: (address: string) => `warm ${address}`,
  coolImage: (name: string) => `drop the warm templates of ${name}`,
  deregisterImage: (name: string) => `deregister image ${name}`,
  createKeyPair: (name: string) => `create key pair ${name}`,
  deleteKeyPair: (name: string) => `delete key pair ${name}`,
  createGroup: (name: string) => `create security group ${name}`,
  changeRules: (name: string) => `set rules of ${name}`,
  deleteGroup: (name: string) => `delete security group ${name}`,
  putVpc: 'set up the VPC',
  putSubnet: (key: string) => `set up subnets.${key}`,
  putRoutes: (key: string) => `set routes of subnets.${key}`,
  putNatGateway: (address: string) => `create ${address}`,
  putPeering: (address: string) => `set up ${address}`,
  deletePeering: (id: string) => `delete peering connection ${id}`,
  putAddress: (address: string) => `give ${address} its elastic address`,
  releaseAddress: (allocationId: string) => `release ${allocationId}`,
  deleteNatGateway: (id: string) => `delete NAT gateway ${id}`,
  deleteSubnet: (id: string) => `delete subnet ${id}`,
  deleteVpc: 'delete the VPC',
  launch: (address: string) => `launch ${address}`,
  change: (address: string) => `change ${address}`,
  changeType: (address: string) => `change type of ${address}`,
  terminate: (address: string, instanceId: string) => `terminate ${address} (${instanceId})`,
  putSchedule: (name: string) => `set schedule ${name}`,
  deleteSchedule: (name: string) => `delete schedule ${name}`,
  createZone: (name: string) => `create DNS zone ${name}`,
  changeRecords: (name: string) => `set records of ${name}`,
  deleteZone: (name: string) => `delete DNS zone ${name}`,
  injectFault: (address: string) => `inject ${address}`,
  clearFault: (faultId: string) => `clear ${faultId}`,
  await: (address: string, goal: Goal) => `wait until ${address} has reached ${goal}`,
} as const
