import type { Ec2Model, Member, Shape, StructureShape } from '../../../../src/ec2-model/model.ts'

/** Parameters of a request by their keys; `{kind}` stands for the caller's own thing of that kind, `{new name}` for a name not used yet. */
export type Parameters = Readonly<Record<string, string>>

/** A call that is all right but for one parameter, which names a thing that is not the caller's. */
export interface Trespass {
  readonly operation: string
  readonly key: string
  readonly kind: string
  /** All of the call's other parameters. */
  readonly others: Parameters
}

/** Of which kinds of things members are the ids, names or addresses. */
const kindsOfMembers: readonly (readonly [name: RegExp, ...kinds: readonly string[]])[] = [
  [/^(InstanceIds?|Instances)$/, 'i'],
  [/^(Source)?ImageIds?$/, 'ami'],
  [/^(Source)?SnapshotIds?$/, 'snap'],
  [/^(ExcludeData)?VolumeIds?$/, 'vol'],
  [/^NetworkInterfaceIds?$/, 'eni'],
  [/^AttachmentId$/, 'eni-attach'],
  [/^(GroupIds?|SecurityGroupIds|Groups|ReferencedGroupId)$/, 'sg', 'pg'],
  [/^SecurityGroupRuleIds?$/, 'sgr'],
  [/^(Destination)?PrefixListIds?$/, 'pl'],
  [/^NetworkAclIds?$/, 'acl'],
  [/^FlowLogIds$/, 'fl'],
  [/^NetworkInsightsPathIds?$/, 'nip'],
  [/^NetworkInsightsAnalysisIds?$/, 'nia'],
  // Ends of a network insights path.
  [/^(Source|Destination)$/, 'i', 'eni', 'igw'],
  // Of CreateFlowLogs.
  [/^ResourceIds$/, 'vpc'],
  [/^AssociationIds?$/, 'aclassoc', 'rtbassoc', 'eipassoc', 'vpc-cidr-assoc', 'subnet-cidr-assoc', 'iip-assoc'],
  [/^(Peer)?VpcIds?$/, 'vpc'],
  [/^VpcPeeringConnectionIds?$/, 'pcx'],
  [/^SubnetIds?$/, 'subnet'],
  [/^SubnetCidrReservationId$/, 'scr'],
  [/^KeyPairIds?$/, 'key'],
  [/^DhcpOptionsIds?$/, 'dopt'],
  [/^(InternetGatewayIds?|GatewayId)$/, 'igw'],
  [/^EgressOnlyInternetGatewayIds?$/, 'eigw'],
  [/^NatGatewayIds?$/, 'nat'],
  [/^InstanceConnectEndpointIds?$/, 'eice'],
  [/^RouteTableIds?$/, 'rtb'],
  [/^AllocationIds?$/, 'eipalloc'],
  [/^LaunchTemplateIds?$/, 'lt'],
  [/^InstanceEventWindowIds?$/, 'iew'],
  [/^SpotInstanceRequestIds$/, 'sir'],
  [/^ReplaceRootVolumeTaskIds$/, 'replacevol'],
  [/^FleetIds?$/, 'fleet'],
  [/^KeyNames?$/, 'key name'],
  [/^(GroupNames?|SecurityGroups|SourceSecurityGroupName)$/, 'group name'],
  [/^LaunchTemplateNames?$/, 'template name'],
  [/^PublicIps?$/, 'public address'],
]

const allIds = kindsOfMembers.flatMap(([, ...kinds]) => kinds).filter((kind) => !kind.includes(' '))

/** Ids of what is everybody's, of accounts, of what Kiln does not have, and of tasks, which need buckets (transfer/). */
const idsOfNoThing =
  /^(ImportTask|InstanceEvent|ExportImageTask|ExportTask|AvailabilityZone|Zone|User|Owner|PeerOwner|SourceSecurityGroupOwner|RestorableByUser|KmsKey|Kernel|Ram[dD]isk|Host|DedicatedHost|CapacityReservation|SecondarySubnet|MetricCategory)Ids?$/

/**
 * Where a name is given instead of looked up, where `GroupNames` are not names of groups, and where nobody comes to the instance without
 * a product code of his own (marketplace.test.ts).
 */
const namesOfNoThing =
  /^((CreateKeyPair|ImportKeyPair) KeyName|(CreateSecurityGroup|CreatePlacementGroup) GroupName|CreateLaunchTemplate LaunchTemplateName|ModifySnapshotAttribute UserGroup\.1|ConfirmProductInstance InstanceId)$/

/** Below this members are not looked for: shapes such as filters of filters have no end. */
const deepest = 5

/** What calls need besides their required parameters: by operation and by the key of what is not theirs. */
const needs: readonly (readonly [operation: RegExp, key: RegExp, parameters: Parameters])[] = [
  [/^RunInstances$/, /./, { ImageId: '{ami}', InstanceType: 't3.nano' }],
  [
    /^RequestSpotInstances$/,
    /./,
    { 'LaunchSpecification.ImageId': '{ami}', 'LaunchSpecification.InstanceType': 't3.nano' },
  ],
  [/^RunInstances$/, /^NetworkInterface\.1\./, { 'NetworkInterface.1.DeviceIndex': '0' }],
  [/^RequestSpotInstances$/, /\.NetworkInterface\.1\./, { 'LaunchSpecification.NetworkInterface.1.DeviceIndex': '0' }],
  [
    /^RequestSpotInstances$/,
    /\.BlockDeviceMapping\.1\./,
    { 'LaunchSpecification.BlockDeviceMapping.1.DeviceName': '/dev/sdh' },
  ],
  [/^(RunInstances|CreateImage)$/, /^BlockDeviceMapping\.1\./, { 'BlockDeviceMapping.1.DeviceName': '/dev/sdh' }],
  [
    /^ModifyInstanceAttribute$/,
    /^BlockDeviceMapping\.1\./,
    { 'BlockDeviceMapping.1.DeviceName': '/dev/xvda', 'BlockDeviceMapping.1.Ebs.DeleteOnTermination': 'true' },
  ],
  [/^ModifyInstanceCreditSpecification$/, /./, { 'InstanceCreditSpecification.1.CpuCredits': 'standard' }],
  [/^ModifyInstanceEventStartTime$/, /./, { NotBefore: '2099-01-01T00:00:00Z' }],
  [/^(Associate|Replace)IamInstanceProfile/, /./, { 'IamInstanceProfile.Name': 'web' }],
  [/sociateInstanceEventWindow$/, /^InstanceEventWindowId$/, { 'AssociationTarget.InstanceId.1': '{i}' }],
  [/^(CreateImage|CopyImage)$/, /./, { Name: '{new name}' }],
  [
    /^RegisterImage$/,
    /./,
    { Name: '{new name}', RootDeviceName: '/dev/xvda', 'BlockDeviceMapping.1.DeviceName': '/dev/xvda' },
  ],
  [/^Copy(Image|Snapshot)$/, /./, { SourceRegion: '{region}' }],
  [/^EnableFastLaunch$/, /^LaunchTemplate\./, { 'LaunchTemplate.Version': '1' }],
  [/^EnableImageDeprecation$/, /./, { DeprecateAt: '2099-01-01T00:00:00Z' }],
  [/^DescribeImageReferences$/, /./, { IncludeAllResourceTypes: 'true' }],
  [/^RestoreSnapshotTier$/, /./, { PermanentRestore: 'true' }],
  [/FastSnapshotRestores$/, /./, { 'AvailabilityZone.1': '{zone}' }],
  [/^CreateVolume$/, /./, { AvailabilityZone: '{zone}' }],
  [/^DetachVolume$/, /^InstanceId$/, { VolumeId: '{root volume}' }],
  [/^CreateTags$/, /./, { 'Tag.1.Key': 'mine', 'Tag.1.Value': 'now' }],
  [/^(Authorize|Revoke|Update)SecurityGroup/, /^(?!GroupName$)/, { GroupId: '{sg}' }],
  [/^(Authorize|Revoke|Update)SecurityGroup/, /^IpPermissions\.1\./, { 'IpPermissions.1.IpProtocol': '-1' }],
  [
    /^(Authorize|Revoke|Update)SecurityGroup/,
    /\.Vpc(PeeringConnection)?Id$/,
    { 'IpPermissions.1.Groups.1.GroupId': '{sg}' },
  ],
  [
    /^ModifySecurityGroupRules$/,
    /\.SecurityGroupRule\./,
    {
      'SecurityGroupRule.1.SecurityGroupRuleId': '{sgr}',
      'SecurityGroupRule.1.SecurityGroupRule.IpProtocol': '-1',
    },
  ],
  [/^CreateVpcPeeringConnection$/, /^VpcId$/, { PeerVpcId: '{vpc}' }],
  [/^CreateLaunchTemplate$/, /./, { LaunchTemplateName: '{new name}' }],
  [/^CreateLaunchTemplateVersion$/, /^LaunchTemplateData\./, { LaunchTemplateId: '{lt}' }],
  [/^CreateLaunchTemplateVersion$/, /^LaunchTemplate(Id|Name)$/, { 'LaunchTemplateData.InstanceType': 't3.nano' }],
  [/^ReplaceRouteTableAssociation$/, /^RouteTableId$/, { AssociationId: '{rtbassoc}' }],
  [/^CreateNetworkInsightsPath$/, /^Source$/, { Destination: '{eni}' }],
  [/^CreateFlowLogs$/, /./, { ResourceType: 'VPC', TrafficType: 'ALL', LogGroupName: 'mine' }],
  [
    /^(CreateRoute|ReplaceRoute)$/,
    /^((Nat)?GatewayId|InstanceId|NetworkInterfaceId|VpcPeeringConnectionId)$/,
    { DestinationCidrBlock: '0.0.0.0/0' },
  ],
  [/^(CreateRoute|ReplaceRoute)$/, /^EgressOnlyInternetGatewayId$/, { DestinationIpv6CidrBlock: '::/0' }],
  [/^(CreateRoute|ReplaceRoute)$/, /^DestinationPrefixListId$/, { GatewayId: '{igw}' }],
  [/^CreateNatGateway$/, /^AllocationId$/, { SubnetId: '{subnet}' }],
  [/^AssociateAddress$/, /^(InstanceId|NetworkInterfaceId)$/, { AllocationId: '{eipalloc}' }],
  [/^CreateFleet$/, /./, { Type: 'instant', 'LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version': '1' }],
  [
    /^CreateFleet$/,
    /\.Overrides\./,
    { 'LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId': '{lt}' },
  ],
  [
    /^CreateFleet$/,
    /\.BlockDeviceMapping\./,
    {
      'LaunchTemplateConfigs.1.Overrides.1.KeyName': '{key name}',
      'LaunchTemplateConfigs.1.Overrides.1.BlockDeviceMapping.1.DeviceName': '/dev/sdh',
    },
  ],
]

/**
 * The trespasses that an operation with these parameters is open to, one for each place and kind. Throws for an id of which this file does
 * not say what it is the id of.
 */
export function listTrespasses(model: Ec2Model, operation: string, honoured: readonly string[]): Trespass[] {
  const shape = inputOf(model, operation)
  if (!shape) return []
  const members = [...shape.members.values()].filter(({ name }) => honoured.includes(name))
  return members
    .flatMap((member) => placesOf(model, operation, member, member.query, 0))
    .flatMap(([key, ...kinds]) => {
      const needed = needs.filter(([operations, keys]) => operations.test(operation) && keys.test(key))
      const others = Object.assign({}, required(model, shape, ''), ...needed.map(([, , more]) => more)) as Parameters
      return kinds.map((kind) => ({ operation, key, kind, others }))
    })
}

/** What an operation cannot be called without. */
export function requiredOf(model: Ec2Model, operation: string): Parameters {
  const shape = inputOf(model, operation)
  return shape ? required(model, shape, '') : {}
}

function inputOf(model: Ec2Model, operation: string): StructureShape | undefined {
  const { input } = model.findOperation(operation) ?? {}
  const shape = input === undefined ? undefined : model.shapeOf(input)
  return shape?.type === 'structure' ? shape : undefined
}

type Place = readonly [key: string, ...kinds: readonly string[]]

function placesOf(model: Ec2Model, operation: string, member: Member, path: string, depth: number): Place[] {
  const { shape, key } = itemOf(model, model.shapeOf(member.shape), path)
  if (shape.type === 'structure') {
    if (depth === deepest) return []
    return [...shape.members.values()].flatMap((inner) =>
      placesOf(model, operation, inner, `${key}.${inner.query}`, depth + 1),
    )
  }
  if (shape.type !== 'string' || shape.enum) return []
  if (namesOfNoThing.test(`${operation} ${key}`) || idsOfNoThing.test(member.name)) return []
  const kinds = member.name === 'Resources' ? allIds : kindsOf(member)
  if (kinds.length > 0) return [[key, ...kinds]]
  if (!/Ids?$/.test(member.name)) return []
  throw new Error(`say in trespass.ts of what ${member.name} of ${operation} is the id`)
}

function kindsOf({ name }: Member): readonly string[] {
  const [, ...kinds] = kindsOfMembers.find(([pattern]) => pattern.test(name)) ?? []
  return kinds
}

/** What stands where a list or a single value does. */
function itemOf(model: Ec2Model, shape: Shape, path: string): { shape: Shape; key: string } {
  return shape.type === 'list' ? { shape: model.shapeOf(shape.item), key: `${path}.1` } : { shape, key: path }
}

/** What the model requires, of the caller's own things. */
function required(model: Ec2Model, shape: StructureShape, prefix: string): Parameters {
  return Object.fromEntries(
    [...shape.members.values()]
      .filter(({ isRequired }) => isRequired)
      .flatMap((member): [string, string][] => {
        const { shape: inner, key } = itemOf(model, model.shapeOf(member.shape), prefix + member.query)
        if (inner.type === 'structure') return Object.entries(required(model, inner, `${key}.`))
        const [kind] = kindsOf(member)
        if (kind !== undefined) return [[key, `{${kind}}`]]
        if (inner.type === 'list') return []
        return [[key, inner.enum?.[0] ?? (inner.type === 'string' ? 'x' : '1')]]
      }),
  )
}
