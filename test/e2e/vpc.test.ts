import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitForBootStage } from './boot-stage.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, ordinaryUser, until } from './lab.ts'

// One real guest in a VPC of its own: what its gateway, its addresses and its interfaces are to it. The rules are in test/e2e/api/{vpc,subnet,way-out}.test.ts.
let lab: Lab
let keyFile: string
let subnetId: string
let tableId: string
let gatewayId: string
let instanceId: string
let elasticIp: string
let left: string[] | undefined

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  const imageId = await provideImage(lab, 'nano')
  const { KeyMaterial: material = '' } = await lab.call('CreateKeyPair', { KeyName: 'vpc', KeyType: 'ed25519' })
  keyFile = await lab.saveKey('vpc', material)
  // The same block as the default VPC has: they know nothing of each other.
  const vpcId = (await lab.call('CreateVpc', { CidrBlock: '172.31.0.0/16' })).Vpc?.VpcId ?? ''
  subnetId =
    (await lab.call('CreateSubnet', { VpcId: vpcId, CidrBlock: '172.31.7.0/24', AvailabilityZone: 'us-east-1a' }))
      .Subnet?.SubnetId ?? ''
  gatewayId = (await lab.call('CreateInternetGateway', {})).InternetGateway?.InternetGatewayId ?? ''
  await lab.call('AttachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
  tableId = (await lab.call('CreateRouteTable', { VpcId: vpcId })).RouteTable?.RouteTableId ?? ''
  await lab.call('AssociateRouteTable', { RouteTableId: tableId, SubnetId: subnetId })
  await createRoute()
  const { GroupId: groupId = '' } = await lab.call('CreateSecurityGroup', {
    GroupName: 'vpc',
    Description: 'SSH from the host',
    VpcId: vpcId,
  })
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: groupId,
    IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  })
  const { DhcpOptions: options } = await lab.call('CreateDhcpOptions', {
    DhcpConfigurations: [
      { Key: 'domain-name', Values: ['lab.example'] },
      { Key: 'domain-name-servers', Values: ['AmazonProvidedDNS'] },
    ],
  })
  await lab.call('AssociateDhcpOptions', { DhcpOptionsId: options?.DhcpOptionsId ?? '', VpcId: vpcId })
  const { Instances: launched } = await lab.call('RunInstances', {
    ImageId: imageId,
    InstanceType: 't3.small',
    MinCount: 1,
    MaxCount: 1,
    KeyName: 'vpc',
    SecurityGroupIds: [groupId],
    SubnetId: subnetId,
    PrivateIpAddress: '172.31.7.20',
  })
  instanceId = launched?.[0]?.InstanceId ?? ''
  await waitForBootStage(lab, instanceId, 'ssh')
  elasticIp = await allocate()
})
afterAll(async () => {
  left ??= await lab.close()
})

async function createRoute(): Promise<void> {
  await lab.call('CreateRoute', { RouteTableId: tableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId: gatewayId })
}

async function waitForState(state: string): Promise<void> {
  await until(async () => (await describeInstance()).State?.Name === state)
}

async function describeInstance() {
  const { Reservations: found } = await lab.call('DescribeInstances', { InstanceIds: [instanceId] })
  const instance = found?.[0]?.Instances?.[0]
  if (!instance) throw new Error(`${instanceId} is not there`)
  return instance
}

/** An elastic address for the instance's only interface, or for one of its private addresses. */
async function allocate(PrivateIpAddress?: string): Promise<string> {
  const { AllocationId, PublicIp = '' } = await lab.call('AllocateAddress', {})
  const { NetworkInterfaces: interfaces } = await describeInstance()
  const { NetworkInterfaceId } = interfaces?.[0] ?? {}
  await lab.call('AssociateAddress', {
    AllocationId,
    NetworkInterfaceId,
    ...(PrivateIpAddress === undefined ? {} : { PrivateIpAddress }),
  })
  return PublicIp
}

/** Runs a command in the guest, over SSH at an elastic address; tried until the address is offered. */
async function run(command: string, address = elasticIp): Promise<string> {
  let answer: string | undefined
  await until(async () => {
    answer = await lab.ssh(address, 'ec2-user', keyFile, command).catch(() => undefined)
    return answer !== undefined
  })
  return answer ?? ''
}

async function statusOf(interfaceId: string): Promise<string | undefined> {
  const { NetworkInterfaces: found } = await lab.call('DescribeNetworkInterfaces', {
    NetworkInterfaceIds: [interfaceId],
  })
  return found?.[0]?.Attachment?.Status ?? found?.[0]?.Status
}

test('a server is reached at its elastic address and told what the DHCP options of its VPC say', async () => {
  expect(await run('hostname -i; cat /etc/resolv.conf')).toContain('search lab.example\nnameserver 172.31.0.2')
  expect((await describeInstance()).PublicIpAddress).toBe(elasticIp)
  expect(await run('wget -q -O - http://169.254.169.254/latest/meta-data/public-ipv4')).toBe(elasticIp)
})

test('a key that EC2 Instance Connect pushes lets in while it is served, for its user', async () => {
  const { KeyMaterial: material = '' } = await lab.call('CreateKeyPair', { KeyName: 'guest', KeyType: 'ed25519' })
  const guestKey = await lab.saveKey('guest', material)
  const { stdout: publicKey } = await execa('ssh-keygen', ['-y', '-f', guestKey])
  const logIn = async () =>
    await lab.ssh(elasticIp, 'ec2-user', guestKey, 'cat ~/.ssh/authorized_keys').catch(() => 'refused')
  expect(await logIn()).toBe('refused')
  const push = { InstanceId: instanceId, SSHPublicKey: publicKey }
  await lab.call('SendSSHPublicKey', { ...push, InstanceOSUser: 'root' })
  expect(await logIn()).toBe('refused')
  expect(await lab.call('SendSSHPublicKey', { ...push, InstanceOSUser: 'ec2-user' })).toMatchObject({ Success: true })
  expect(await logIn()).toContain('kiln:ec2-instance-connect')
  // The daemon keeps them nowhere.
  await lab.killDaemon()
  await lab.startDaemon()
  expect(await run('cat ~/.ssh/authorized_keys')).not.toContain('kiln:ec2-instance-connect')
  expect(await logIn()).toBe('refused')
})

test('an Instance Connect Endpoint leads to it as far as security groups allow', async () => {
  const { Groups: groups = [] } = (await describeInstance()).NetworkInterfaces?.[0] ?? {}
  const { InstanceConnectEndpoint: endpoint } = await lab.call('CreateInstanceConnectEndpoint', { SubnetId: subnetId })
  const endpointId = endpoint?.InstanceConnectEndpointId ?? ''
  const stateOf = async () => {
    const answer = await lab.call('DescribeInstanceConnectEndpoints', { InstanceConnectEndpointIds: [endpointId] })
    return answer.InstanceConnectEndpoints?.[0]?.State
  }
  await until(async () => (await stateOf()) === 'create-complete')
  const { NetworkInterfaces: interfaces } = await lab.call('DescribeNetworkInterfaces', {
    NetworkInterfaceIds: endpoint?.NetworkInterfaceIds ?? [],
  })
  const address = interfaces?.[0]?.PrivateIpAddress ?? ''
  // The command runs as the daemon's user.
  if (process.getuid?.() === 0) await execa('chown', [ordinaryUser, keyFile])
  const through = ['ssh', '--endpoint', endpointId, '-i', keyFile, instanceId, 'echo $SSH_CONNECTION']
  expect(await lab.kiln(...through)).toMatchObject({ stderr: '', exitCode: 0 })
  expect((await lab.kiln(...through)).stdout).toMatch(new RegExp(`^${address} \\d+ 172\\.31\\.7\\.20 22$`))
  const path = async (end: string) => (await lab.kiln('net', 'path', end, instanceId, '--port', '22')).stdout
  expect(await path(endpointId)).toContain('The packets get through')
  // Only what the endpoint's group lets out goes through it.
  await lab.call('RevokeSecurityGroupEgress', {
    GroupId: interfaces?.[0]?.Groups?.[0]?.GroupId ?? '',
    IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  })
  const stopped = await lab.kiln(...through)
  expect(stopped.exitCode).not.toBe(0)
  expect(stopped.stderr).toMatch(
    /no answer within 10 s\. See what stops it: kiln net path eice-\S+ 172\.31\.7\.20 --port 22/,
  )
  for (const end of [endpointId, endpoint?.NetworkInterfaceIds?.[0] ?? '']) {
    expect(await path(end)).toMatch(/SG_HAS_NO_RULES: sg-\S+ of eni-\S+ lets nothing out/)
  }
  await lab.call('ModifyInstanceConnectEndpoint', {
    InstanceConnectEndpointId: endpointId,
    SecurityGroupIds: groups.flatMap(({ GroupId }) => GroupId ?? []),
  })
  await until(async () => (await stateOf()) === 'update-complete')
  expect((await lab.kiln(...through)).exitCode).toBe(0)
  await expect(lab.call('CreateInstanceConnectEndpoint', { SubnetId: subnetId })).rejects.toThrow(
    'ResourceLimitExceeded',
  )
  await lab.call('DeleteInstanceConnectEndpoint', { InstanceConnectEndpointId: endpointId })
  await until(async () => (await stateOf()) === 'delete-complete')
  expect((await lab.kiln(...through)).stderr).toContain(endpointId)
})

test('its way out follows the route table while it runs', async () => {
  // Told on the console: without the route nobody logs in by the elastic address either.
  const watch = 'while :; do nc -w 2 deb.debian.org 80 </dev/null && echo way-up || echo way-down; sleep 0.5; done'
  await run(`sudo setsid sh -c '(${watch}) >/dev/ttyS0 2>/dev/null </dev/null &'`)
  const hasTold = async (pattern: RegExp) => {
    const { Output: output = '' } = await lab.call('GetConsoleOutput', { InstanceId: instanceId, Latest: true })
    return pattern.test(Buffer.from(output, 'base64').toString())
  }
  await until(async () => await hasTold(/way-up/))
  await lab.call('DeleteRoute', { RouteTableId: tableId, DestinationCidrBlock: '0.0.0.0/0' })
  await until(async () => await hasTold(/way-up\s+way-down/))
  const { PublicPorts: offered } = await lab.call('KilnDescribeInstance', { InstanceId: instanceId })
  expect(offered).toEqual([])
  await createRoute()
  await until(async () => await hasTold(/way-down\s+way-up/))
})

test('a secondary address is routed to it, and another elastic address may stand for that', async () => {
  const { NetworkInterfaces: interfaces } = await describeInstance()
  const NetworkInterfaceId = interfaces?.[0]?.NetworkInterfaceId ?? ''
  await lab.call('AssignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddresses: ['172.31.7.77'] })
  await run('sudo ip addr add 172.31.7.77/24 dev eth0')
  const second = await allocate('172.31.7.77')
  expect(await run('echo $SSH_CONNECTION', second)).toContain(' 172.31.7.77 22')
  await lab.call('UnassignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddresses: ['172.31.7.77'] })
  const { Addresses: told } = await lab.call('DescribeAddresses', { PublicIps: [second] })
  expect(told?.[0]?.AssociationId).toBeUndefined()
})

test('a second interface comes and goes while it runs', async () => {
  const { NetworkInterface: made } = await lab.call('CreateNetworkInterface', {
    SubnetId: subnetId,
    PrivateIpAddress: '172.31.7.30',
  })
  const interfaceId = made?.NetworkInterfaceId ?? ''
  const attach = async () =>
    (
      await lab.call('AttachNetworkInterface', {
        NetworkInterfaceId: interfaceId,
        InstanceId: instanceId,
        DeviceIndex: 1,
      })
    ).AttachmentId ?? ''
  const attachmentId = await attach()
  await until(async () => (await statusOf(interfaceId)) === 'attached')
  await until(async () => (await run('cat /sys/class/net/eth1/address || true')) === made?.MacAddress)
  expect(await run('sudo ip link set eth1 up; sudo udhcpc -q -n -f -i eth1 -s /bin/true 2>&1')).toContain(
    'lease of 172.31.7.30 obtained',
  )
  const macs = await run('wget -q -O - http://169.254.169.254/latest/meta-data/network/interfaces/macs/')
  expect(macs).toContain(`${made?.MacAddress}/`)
  await lab.call('DetachNetworkInterface', { AttachmentId: attachmentId })
  await until(async () => (await statusOf(interfaceId)) === 'available')
  expect(await run('ls /sys/class/net')).not.toContain('eth1')

  await lab.call('StopInstances', { InstanceIds: [instanceId] })
  await waitForState('stopped')
  await attach()
  expect(await statusOf(interfaceId)).toBe('attached')
  await lab.call('StartInstances', { InstanceIds: [instanceId] })
  await waitForState('running')
  await waitForBootStage(lab, instanceId, 'ssh')
  // The elastic address was kept, and the first interface has the way out.
  expect(await run('ls /sys/class/net; ip route')).toMatch(/eth1\n[^]*default via 172.31.7.1 dev eth0/)
  await lab.call('TerminateInstances', { InstanceIds: [instanceId] })
  await waitForState('terminated')
  expect(await statusOf(interfaceId)).toBe('available')
})

test('nothing is left when the server is gone', async () => {
  left = await lab.close()
  expect(left).toEqual([])
})
