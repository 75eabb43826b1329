import type { Random } from '../host/random.ts'
import { Ec2Error } from './errors.ts'

/** Kinds of ids: the prefix on the wire, EC2's word for it in messages, and its error codes. */
const idKinds = {
  i: { noun: 'instance ID', malformed: 'InvalidInstanceID.Malformed', notFound: 'InvalidInstanceID.NotFound' },
  ami: { noun: 'image id', malformed: 'InvalidAMIID.Malformed', notFound: 'InvalidAMIID.NotFound' },
  snap: { noun: 'snapshot', malformed: 'InvalidSnapshotID.Malformed', notFound: 'InvalidSnapshot.NotFound' },
  vol: { noun: 'volume', malformed: 'InvalidVolumeID.Malformed', notFound: 'InvalidVolume.NotFound' },
  eni: {
    noun: 'networkInterface ID',
    malformed: 'InvalidNetworkInterfaceId.Malformed',
    notFound: 'InvalidNetworkInterfaceID.NotFound',
  },
  sg: { noun: 'security group', malformed: 'InvalidGroupId.Malformed', notFound: 'InvalidGroup.NotFound' },
  sgr: {
    noun: 'security group rule ID',
    malformed: 'InvalidSecurityGroupRuleId.Malformed',
    notFound: 'InvalidSecurityGroupRuleId.NotFound',
  },
  pl: {
    noun: 'prefix list ID',
    malformed: 'InvalidPrefixListId.Malformed',
    notFound: 'InvalidPrefixListID.NotFound',
  },
  acl: {
    noun: 'networkAcl ID',
    malformed: 'InvalidNetworkAclId.Malformed',
    notFound: 'InvalidNetworkAclID.NotFound',
  },
  nip: {
    noun: 'network insights path',
    malformed: 'InvalidNetworkInsightsPathId.Malformed',
    notFound: 'InvalidNetworkInsightsPathId.NotFound',
  },
  nia: {
    noun: 'network insights analysis',
    malformed: 'InvalidNetworkInsightsAnalysisId.Malformed',
    notFound: 'InvalidNetworkInsightsAnalysisId.NotFound',
  },
  fl: { noun: 'flow log ID', malformed: 'InvalidFlowLogId.Malformed', notFound: 'InvalidFlowLogId.NotFound' },
  aclassoc: {
    noun: 'association ID',
    malformed: 'InvalidNetworkAclAssociationId.Malformed',
    notFound: 'InvalidAssociationID.NotFound',
  },
  scr: {
    noun: 'subnet CIDR reservation ID',
    malformed: 'InvalidSubnetCidrReservationId.Malformed',
    notFound: 'InvalidSubnetCidrReservationID.NotFound',
  },
  pcx: {
    noun: 'vpcPeeringConnection ID',
    malformed: 'InvalidVpcPeeringConnectionId.Malformed',
    notFound: 'InvalidVpcPeeringConnectionID.NotFound',
  },
  vpc: { noun: 'vpc ID', malformed: 'InvalidVpcID.Malformed', notFound: 'InvalidVpcID.NotFound' },
  subnet: { noun: 'subnet ID', malformed: 'InvalidSubnetID.Malformed', notFound: 'InvalidSubnetID.NotFound' },
  key: { noun: 'key pair ID', malformed: 'InvalidKeyPairID.Malformed', notFound: 'InvalidKeyPair.NotFound' },
  r: { noun: 'reservation ID', malformed: 'InvalidReservationID.Malformed', notFound: 'InvalidReservationID.NotFound' },
  dopt: {
    noun: 'dhcpOptions ID',
    malformed: 'InvalidDhcpOptionsId.Malformed',
    notFound: 'InvalidDhcpOptionID.NotFound',
  },
  zone: { noun: 'DNS zone ID', malformed: 'InvalidInput', notFound: 'NoSuchHostedZone' },
  igw: {
    noun: 'internetGateway ID',
    malformed: 'InvalidInternetGatewayId.Malformed',
    notFound: 'InvalidInternetGatewayID.NotFound',
  },
  eigw: {
    noun: 'egress only internet gateway ID',
    malformed: 'InvalidEgressOnlyInternetGatewayId.Malformed',
    notFound: 'InvalidEgressOnlyInternetGatewayId.NotFound',
  },
  'subnet-cidr-assoc': {
    noun: 'subnet CIDR association ID',
    malformed: 'InvalidSubnetCidrBlockAssociationId.Malformed',
    notFound: 'InvalidSubnetCidrBlockAssociationID.NotFound',
  },
  eice: {
    noun: 'instance connect endpoint ID',
    malformed: 'InvalidInstanceConnectEndpointId.Malformed',
    notFound: 'InvalidInstanceConnectEndpointId.NotFound',
  },
  nat: { noun: 'NAT gateway', malformed: 'NatGatewayMalformed', notFound: 'NatGatewayNotFound' },
  rtb: { noun: 'routeTable ID', malformed: 'InvalidRouteTableId.Malformed', notFound: 'InvalidRouteTableID.NotFound' },
  rtbassoc: {
    noun: 'association ID',
    malformed: 'InvalidAssociationId.Malformed',
    notFound: 'InvalidAssociationID.NotFound',
  },
  eipalloc: {
    noun: 'allocation ID',
    malformed: 'InvalidAllocationId.Malformed',
    notFound: 'InvalidAllocationID.NotFound',
  },
  eipassoc: {
    noun: 'association ID',
    malformed: 'InvalidAssociationId.Malformed',
    notFound: 'InvalidAssociationID.NotFound',
  },
  'vpc-cidr-assoc': {
    noun: 'vpc CIDR block association ID',
    malformed: 'InvalidVpcCidrBlockAssociationId.Malformed',
    notFound: 'InvalidVpcCidrBlockAssociationID.NotFound',
  },
  'eni-attach': {
    noun: 'attachment ID',
    malformed: 'InvalidAttachmentID.Malformed',
    notFound: 'InvalidAttachmentID.NotFound',
  },
  lt: {
    noun: 'launch template ID',
    malformed: 'InvalidLaunchTemplateId.Malformed',
    notFound: 'InvalidLaunchTemplateId.NotFound',
  },
  pg: {
    noun: 'placement group',
    malformed: 'InvalidPlacementGroupId.Malformed',
    notFound: 'InvalidPlacementGroup.Unknown',
  },
  'iip-assoc': {
    noun: 'association ID',
    malformed: 'InvalidAssociationID.Malformed',
    notFound: 'InvalidAssociationID.NotFound',
  },
  iew: {
    noun: 'instance event window',
    malformed: 'InvalidInstanceEventWindowID.Malformed',
    notFound: 'InvalidInstanceEventWindowID.NotFound',
  },
  sir: {
    noun: 'spot instance request ID',
    malformed: 'InvalidSpotInstanceRequestID.Malformed',
    notFound: 'InvalidSpotInstanceRequestID.NotFound',
  },
  fleet: { noun: 'fleet ID', malformed: 'InvalidFleetId.Malformed', notFound: 'InvalidFleetId.NotFound' },
  replacevol: {
    noun: 'replace root volume task ID',
    malformed: 'InvalidReplaceRootVolumeTaskId.Malformed',
    notFound: 'InvalidReplaceRootVolumeTaskId.NotFound',
  },
  'import-ami': {
    noun: 'conversion task',
    malformed: 'InvalidConversionTaskId.Malformed',
    notFound: 'InvalidConversionTaskId',
  },
  'import-snap': {
    noun: 'conversion task',
    malformed: 'InvalidConversionTaskId.Malformed',
    notFound: 'InvalidConversionTaskId',
  },
  'export-ami': {
    noun: 'export task',
    malformed: 'InvalidExportTaskID.Malformed',
    notFound: 'InvalidExportTaskID.NotFound',
  },
  task: { noun: 'task', malformed: 'InvalidTaskId.Malformed', notFound: 'InvalidTaskId.NotFound' },
  datakey: { noun: 'encryption key', malformed: 'InvalidKeyId.Malformed', notFound: 'InvalidKeyId.NotFound' },
  tpl: {
    noun: 'warm template ID',
    malformed: 'InvalidWarmTemplateId.Malformed',
    notFound: 'InvalidWarmTemplateId.NotFound',
  },
  fault: { noun: 'fault', malformed: 'InvalidFaultId.Malformed', notFound: 'InvalidFaultId.NotFound' },
  layer: { noun: 'layer', malformed: 'InvalidLayerId.Malformed', notFound: 'InvalidLayerId.NotFound' },
} as const

/** Prefix of an id: `i` of `i-0123456789abcdef0`. */
export type IdPrefix = keyof typeof idKinds

/** A new id: the prefix and 17 hexadecimal digits, as EC2 makes them; spot requests have kept to 8. */
export function newId(prefix: IdPrefix, random: Random): string {
  const digits = random.bytes(9).toString('hex').slice(1)
  return `${prefix}-${prefix === 'sir' ? digits.slice(0, 8) : digits}`
}

const digitsPattern = /^([0-9a-f]{8}|[0-9a-f]{17})$/
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** EC2 knows ids of 8 (before 2016) and of 17 digits; a fleet's is a UUID. */
function isWellFormed(prefix: IdPrefix, id: string): boolean {
  const rest = id.slice(prefix.length + 1)
  return id.startsWith(`${prefix}-`) && (prefix === 'fleet' ? uuidPattern : digitsPattern).test(rest)
}

/** Throws EC2's `…Malformed` for a text that cannot be such an id. */
export function requireWellFormed(prefix: IdPrefix, id: string): void {
  if (isWellFormed(prefix, id)) return
  const shown = id.slice(0, 80)
  throw new Ec2Error(idKinds[prefix].malformed, `Invalid id: "${shown}" (expecting "${prefix}-...")`)
}

/** EC2's `…NotFound` for ids that belong to nothing of the caller's. */
export function idNotFound(prefix: IdPrefix, ids: readonly string[]): Ec2Error {
  const { noun, notFound } = idKinds[prefix]
  if (prefix === 'ami') return new Ec2Error(notFound, `The image id '[${ids.join(', ')}]' does not exist`)
  const [first] = ids
  if (prefix === 'lt') {
    return new Ec2Error(notFound, `The specified launch template, with template ID ${ids.join(', ')}, does not exist.`)
  }
  if (ids.length === 1) return new Ec2Error(notFound, `The ${noun} '${first}' does not exist`)
  return new Ec2Error(notFound, `The ${noun}s '${ids.join(', ')}' do not exist`)
}

/**
 * The records of the ids, in their order. Throws `…Malformed` for the first id that is none, `…NotFound` with all that `find`
 * does not know. Ids given twice count once.
 */
export function findAll<T>(prefix: IdPrefix, ids: readonly string[], find: (id: string) => T | undefined): T[] {
  const unique = [...new Set(ids)]
  for (const id of unique) requireWellFormed(prefix, id)
  const found = unique.map((id) => ({ id, record: find(id) }))
  const missing = found.filter(({ record }) => record === undefined).map(({ id }) => id)
  if (missing.length > 0) throw idNotFound(prefix, missing)
  return found.flatMap(({ record }) => (record === undefined ? [] : [record]))
}

/** The record of one id; throws as findAll. */
export function findOne<T>(prefix: IdPrefix, id: string, find: (id: string) => T | undefined): T {
  requireWellFormed(prefix, id)
  const record = find(id)
  if (record === undefined) throw idNotFound(prefix, [id])
  return record
}
