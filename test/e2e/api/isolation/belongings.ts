import * as sdk from '@aws-sdk/client-ec2'
import { until } from '../../lab.ts'

/** One thing of each kind that an account has in a region: its id, name or address by the kind, which is the prefix of its ids. */
export type Belongings = ReadonlyMap<string, string>

/** Makes one thing of each kind. `word` is in every name, description and tag: whoever reads it has been told of them. */
export async function makeBelongings(ec2: sdk.EC2Client, region: string, word: string): Promise<Belongings> {
  const zone = `${region}a`
  const tagged = <T extends sdk.ResourceType>(...kinds: readonly T[]) =>
    kinds.map((ResourceType) => ({ ResourceType, Tags: [{ Key: `${word}-key`, Value: `${word}-value` }] }))

  const { KeyPairId: key } = await ec2.send(
    new sdk.CreateKeyPairCommand({ KeyName: word, KeyType: 'ed25519', TagSpecifications: tagged('key-pair') }),
  )

  const { Vpc: vpc } = await ec2.send(
    new sdk.CreateVpcCommand({
      CidrBlock: '10.77.0.0/16',
      AmazonProvidedIpv6CidrBlock: true,
      TagSpecifications: tagged('vpc'),
    }),
  )
  const inVpc = { VpcId: vpc?.VpcId }
  const { CidrBlockAssociation: block } = await ec2.send(
    new sdk.AssociateVpcCidrBlockCommand({ ...inVpc, CidrBlock: '10.78.0.0/16' }),
  )
  const { Subnet: subnet } = await ec2.send(
    new sdk.CreateSubnetCommand({
      ...inVpc,
      CidrBlock: '10.77.7.0/24',
      Ipv6CidrBlock: vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock?.replace('/56', '/64'),
      AvailabilityZone: zone,
      TagSpecifications: tagged('subnet'),
    }),
  )
  const inSubnet = { SubnetId: subnet?.SubnetId }
  const { SubnetCidrReservation: reservation } = await ec2.send(
    new sdk.CreateSubnetCidrReservationCommand({
      ...inSubnet,
      Cidr: '10.77.7.128/28',
      ReservationType: 'explicit',
      Description: word,
      TagSpecifications: tagged('subnet-cidr-reservation'),
    }),
  )
  const { InternetGateway: gateway } = await ec2.send(
    new sdk.CreateInternetGatewayCommand({ TagSpecifications: tagged('internet-gateway') }),
  )
  await ec2.send(new sdk.AttachInternetGatewayCommand({ ...inVpc, InternetGatewayId: gateway?.InternetGatewayId }))
  const { EgressOnlyInternetGateway: egressOnly } = await ec2.send(
    new sdk.CreateEgressOnlyInternetGatewayCommand({
      ...inVpc,
      TagSpecifications: tagged('egress-only-internet-gateway'),
    }),
  )
  const { RouteTable: table } = await ec2.send(
    new sdk.CreateRouteTableCommand({ ...inVpc, TagSpecifications: tagged('route-table') }),
  )
  const { AssociationId: tableAssociation } = await ec2.send(
    new sdk.AssociateRouteTableCommand({ ...inSubnet, RouteTableId: table?.RouteTableId }),
  )
  const { NetworkAcl: acl } = await ec2.send(
    new sdk.CreateNetworkAclCommand({ ...inVpc, TagSpecifications: tagged('network-acl') }),
  )
  const { NetworkAcls: acls } = await ec2.send(
    new sdk.DescribeNetworkAclsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc?.VpcId ?? ''] }] }),
  )
  const aclAssociation = acls?.flatMap(({ Associations }) => Associations ?? [])[0]?.NetworkAclAssociationId
  const { DhcpOptions: options } = await ec2.send(
    new sdk.CreateDhcpOptionsCommand({
      DhcpConfigurations: [{ Key: 'domain-name', Values: [`${word}.test`] }],
      TagSpecifications: tagged('dhcp-options'),
    }),
  )
  const { PrefixList: prefixList } = await ec2.send(
    new sdk.CreateManagedPrefixListCommand({
      PrefixListName: word,
      MaxEntries: 2,
      AddressFamily: 'IPv4',
      Entries: [{ Cidr: '10.1.0.0/16', Description: word }],
      TagSpecifications: tagged('prefix-list'),
    }),
  )

  const { Vpc: peerVpc } = await ec2.send(new sdk.CreateVpcCommand({ CidrBlock: '10.79.0.0/16' }))
  const { VpcPeeringConnection: peering } = await ec2.send(
    new sdk.CreateVpcPeeringConnectionCommand({
      ...inVpc,
      PeerVpcId: peerVpc?.VpcId,
      TagSpecifications: tagged('vpc-peering-connection'),
    }),
  )
  const { VpcPeeringConnectionId: peeringId } = peering ?? {}
  await ec2.send(new sdk.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: peeringId }))

  const { GroupId: group } = await ec2.send(
    new sdk.CreateSecurityGroupCommand({
      ...inVpc,
      GroupName: word,
      Description: word,
      TagSpecifications: tagged('security-group'),
    }),
  )
  const { SecurityGroupRules: rules } = await ec2.send(
    new sdk.AuthorizeSecurityGroupIngressCommand({
      GroupId: group,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '10.9.9.9/32', Description: word }] }],
      TagSpecifications: tagged('security-group-rule'),
    }),
  )
  const { NetworkInterface: networkInterface } = await ec2.send(
    new sdk.CreateNetworkInterfaceCommand({
      ...inSubnet,
      Groups: [group ?? ''],
      Description: word,
      TagSpecifications: tagged('network-interface'),
    }),
  )
  const { AllocationId: allocation, PublicIp: publicIp } = await ec2.send(
    new sdk.AllocateAddressCommand({ TagSpecifications: tagged('elastic-ip') }),
  )
  const { AssociationId: addressAssociation } = await ec2.send(
    new sdk.AssociateAddressCommand({
      AllocationId: allocation,
      NetworkInterfaceId: networkInterface?.NetworkInterfaceId,
    }),
  )

  const { FlowLogIds: flowLogs } = await ec2.send(
    new sdk.CreateFlowLogsCommand({
      ResourceIds: [vpc?.VpcId ?? ''],
      ResourceType: 'VPC',
      TrafficType: 'ALL',
      LogGroupName: word,
      TagSpecifications: tagged('vpc-flow-log'),
    }),
  )

  const { NatGateway: natGateway } = await ec2.send(
    new sdk.CreateNatGatewayCommand({
      ...inSubnet,
      ConnectivityType: 'private',
      TagSpecifications: tagged('natgateway'),
    }),
  )

  const { NetworkInsightsPath: path } = await ec2.send(
    new sdk.CreateNetworkInsightsPathCommand({
      Source: gateway?.InternetGatewayId,
      Destination: networkInterface?.NetworkInterfaceId,
      Protocol: 'tcp',
      TagSpecifications: tagged('network-insights-path'),
    }),
  )
  const { NetworkInsightsAnalysis: analysis } = await ec2.send(
    new sdk.StartNetworkInsightsAnalysisCommand({
      NetworkInsightsPathId: path?.NetworkInsightsPathId,
      TagSpecifications: tagged('network-insights-analysis'),
    }),
  )
  const { InstanceConnectEndpoint: connectEndpoint } = await ec2.send(
    new sdk.CreateInstanceConnectEndpointCommand({
      ...inSubnet,
      TagSpecifications: tagged('instance-connect-endpoint'),
    }),
  )

  const { VolumeId: volume } = await ec2.send(
    new sdk.CreateVolumeCommand({ AvailabilityZone: zone, Size: 1, TagSpecifications: tagged('volume') }),
  )
  await until(async () => {
    const { Volumes: volumes } = await ec2.send(new sdk.DescribeVolumesCommand({ VolumeIds: [volume ?? ''] }))
    return volumes?.[0]?.State === 'available'
  })
  const { SnapshotId: snapshot } = await ec2.send(
    new sdk.CreateSnapshotCommand({ VolumeId: volume, Description: word, TagSpecifications: tagged('snapshot') }),
  )
  await until(async () => {
    const { Snapshots: snapshots } = await ec2.send(new sdk.DescribeSnapshotsCommand({ SnapshotIds: [snapshot ?? ''] }))
    return snapshots?.[0]?.State === 'completed'
  })
  await ec2.send(new sdk.LockSnapshotCommand({ SnapshotId: snapshot, LockMode: 'governance', LockDuration: 1 }))
  await ec2.send(
    new sdk.EnableFastSnapshotRestoresCommand({ SourceSnapshotIds: [snapshot ?? ''], AvailabilityZones: [zone] }),
  )
  const { ImageId: image } = await ec2.send(
    new sdk.RegisterImageCommand({
      Name: word,
      Description: word,
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshot } }],
      TagSpecifications: tagged('image'),
    }),
  )

  const { LaunchTemplate: template } = await ec2.send(
    new sdk.CreateLaunchTemplateCommand({
      LaunchTemplateName: word,
      VersionDescription: word,
      // There is no such key pair: the fleet below launches nothing.
      LaunchTemplateData: { ImageId: image, InstanceType: 't3.nano', KeyName: `${word}-lost` },
      TagSpecifications: tagged('launch-template'),
    }),
  )
  const { FleetId: fleet } = await ec2.send(
    new sdk.CreateFleetCommand({
      Type: 'instant',
      TargetCapacitySpecification: { TotalTargetCapacity: 1 },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: template?.LaunchTemplateId, Version: '1' },
        },
      ],
      TagSpecifications: tagged('fleet'),
    }),
  )
  const { PlacementGroup: placementGroup } = await ec2.send(
    new sdk.CreatePlacementGroupCommand({
      GroupName: word,
      Strategy: 'spread',
      TagSpecifications: tagged('placement-group'),
    }),
  )
  const { InstanceEventWindow: eventWindow } = await ec2.send(
    new sdk.CreateInstanceEventWindowCommand({
      Name: word,
      CronExpression: '* 0-4 * * *',
      TagSpecifications: tagged('instance-event-window'),
    }),
  )

  const launch = { ImageId: image, InstanceType: 't3.nano', KeyName: word, ...inSubnet } as const
  const { SpotInstanceRequests: requests } = await ec2.send(
    new sdk.RequestSpotInstancesCommand({
      LaunchSpecification: launch,
      TagSpecifications: tagged('spot-instances-request'),
    }),
  )
  await ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds: [requests?.[0]?.InstanceId ?? ''], Force: true }))
  const { ReservationId: reservationId, Instances: instances } = await ec2.send(
    new sdk.RunInstancesCommand({
      ...launch,
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Name: word },
      Placement: { GroupName: word },
      UserData: Buffer.from(word).toString('base64'),
      TagSpecifications: tagged('instance'),
    }),
  )
  const [instance] = instances ?? []
  const instanceId = instance?.InstanceId ?? ''
  await until(async () => {
    const { Reservations: found } = await ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [instanceId] }))
    return found?.[0]?.Instances?.[0]?.State?.Name === 'running'
  })
  const { ReplaceRootVolumeTask: task } = await ec2.send(
    new sdk.CreateReplaceRootVolumeTaskCommand({
      InstanceId: instanceId,
      DeleteReplacedRootVolume: true,
      TagSpecifications: tagged('replace-root-volume-task'),
    }),
  )
  // The volume is replaced all the same.
  await ec2.send(new sdk.StopInstancesCommand({ InstanceIds: [instanceId], Force: true }))
  await until(async () => {
    const { Reservations: found } = await ec2.send(new sdk.DescribeInstancesCommand({}))
    const states = found?.flatMap(({ Instances: all }) => all ?? []).map(({ State: state }) => state?.Name)
    return states?.every((state) => state === 'stopped' || state === 'terminated') ?? false
  })
  const { Volumes: attached } = await ec2.send(
    new sdk.DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instanceId] }] }),
  )
  const { IamInstanceProfileAssociations: profiles } = await ec2.send(
    new sdk.DescribeIamInstanceProfileAssociationsCommand({}),
  )
  await ec2.send(
    new sdk.AssociateInstanceEventWindowCommand({
      InstanceEventWindowId: eventWindow?.InstanceEventWindowId,
      AssociationTarget: { InstanceIds: [instanceId] },
    }),
  )

  const found: Record<string, string | undefined> = {
    region,
    zone,
    key,
    'key name': word,
    vpc: vpc?.VpcId,
    pcx: peeringId,
    'vpc-cidr-assoc': block?.AssociationId,
    subnet: subnet?.SubnetId,
    'subnet-cidr-assoc': subnet?.Ipv6CidrBlockAssociationSet?.[0]?.AssociationId,
    scr: reservation?.SubnetCidrReservationId,
    igw: gateway?.InternetGatewayId,
    eigw: egressOnly?.EgressOnlyInternetGatewayId,
    nat: natGateway?.NatGatewayId,
    eice: connectEndpoint?.InstanceConnectEndpointId,
    rtb: table?.RouteTableId,
    rtbassoc: tableAssociation,
    acl: acl?.NetworkAclId,
    fl: flowLogs?.[0],
    nip: path?.NetworkInsightsPathId,
    nia: analysis?.NetworkInsightsAnalysisId,
    aclassoc: aclAssociation,
    dopt: options?.DhcpOptionsId,
    pl: prefixList?.PrefixListId,
    sg: group,
    'group name': word,
    sgr: rules?.[0]?.SecurityGroupRuleId,
    eni: networkInterface?.NetworkInterfaceId,
    'eni-attach': instance?.NetworkInterfaces?.[0]?.Attachment?.AttachmentId,
    eipalloc: allocation,
    eipassoc: addressAssociation,
    'public address': publicIp,
    vol: volume,
    'root volume': attached?.[0]?.VolumeId,
    snap: snapshot,
    ami: image,
    lt: template?.LaunchTemplateId,
    'template name': word,
    fleet,
    pg: placementGroup?.GroupId,
    iew: eventWindow?.InstanceEventWindowId,
    replacevol: task?.ReplaceRootVolumeTaskId,
    sir: requests?.[0]?.SpotInstanceRequestId,
    r: reservationId,
    i: instanceId,
    'iip-assoc': profiles?.[0]?.AssociationId,
  }
  return new Map(
    Object.entries(found).map(([kind, value]) => {
      if (!value) throw new Error(`there is no ${kind}`)
      return [kind, value]
    }),
  )
}
