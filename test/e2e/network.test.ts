import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { presignedUrl, sendRaw } from './api/raw-query.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

// What real guests see of their VPC; the rules themselves are tried in test/integration/network/.
let lab: Lab
let servers: Servers
let first: string
let second: string
let left: string[] | undefined

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  const image = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  await lab.call('CreateLaunchTemplate', {
    LaunchTemplateName: 'strict',
    LaunchTemplateData: {
      UserData: Buffer.from('#!/bin/sh\necho from the template >/tmp/told\n').toString('base64'),
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      InstanceMarketOptions: { MarketType: 'spot' },
    },
  })
  const [launched, strict] = await Promise.all([
    servers.launch(image),
    servers.launch(image, { LaunchTemplate: { LaunchTemplateName: 'strict' } }),
  ])
  first = launched[0] ?? ''
  second = strict[0] ?? ''
  await Promise.all([servers.waitForStage(first, 'ssh'), servers.waitForStage(second, 'ssh')])
})
afterAll(async () => {
  left ??= await lab.close()
})

const addressOf = async (id: string) => (await servers.describe(id)).PrivateIpAddress ?? ''

/** The first line of what the metadata service answers, or the content. */
async function metadata(id: string, method: string, path: string, ...headers: readonly string[]): Promise<string> {
  const head = [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\\r\\n')
  return (await servers.run(id, `printf '${head}' | nc -w 10 169.254.169.254 80`)).replaceAll('\r', '')
}

async function statusOf(...request: Parameters<typeof metadata>): Promise<number> {
  return Number((await metadata(...request)).split(' ')[1])
}

async function takeToken(id: string): Promise<string> {
  const answer = await metadata(id, 'PUT', '/latest/api/token', 'X-aws-ec2-metadata-token-ttl-seconds: 60')
  return answer.split('\n\n')[1]?.trim() ?? ''
}

test('servers find each other by their private names', async () => {
  const address = await addressOf(second)
  const name = `ip-${address.replaceAll('.', '-')}`
  for (const asked of [`${name}.ec2.internal`, `${second}.ec2.internal`]) {
    expect(await servers.run(first, `nslookup -type=a ${asked}`)).toContain(`Address: ${address}`)
  }
  expect(await servers.run(first, `nslookup ${address}`)).toContain(`${name}.ec2.internal`)
  // As on EC2, an address of the VPC has a name, whoever has it.
  expect(await servers.run(first, 'nslookup 172.31.200.200')).toContain('ip-172-31-200-200.ec2.internal')
  expect(await servers.run(first, 'nslookup nobody.ec2.internal || true')).toContain('NXDOMAIN')
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: servers.groupId,
    IpPermissions: [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 0, UserIdGroupPairs: [{ GroupId: servers.groupId }] }],
  })
  await until(async () =>
    (await servers.run(first, `sudo ping -c 1 -W 2 ${name} || true`)).includes('1 packets received'),
  )
  expect((await lab.kiln('net', 'path', first, second, '--protocol', 'icmp')).exitCode).toBe(0)
})

test('servers are told by DHCP to send packets of 9001 bytes, and they arrive in one piece', async () => {
  expect(await servers.run(first, 'cat /sys/class/net/eth0/mtu')).toBe('9001')
  // 8973 bytes and the headers of ICMP and IP.
  const ping = `sudo ping -c 1 -W 5 -s 8973 ${await addressOf(second)} || true`
  expect(await servers.run(first, ping)).toContain('1 packets received')
  const cut = `awk '/^Ip: [0-9]/ { print $17 }' /proc/net/snmp`
  expect(await servers.run(second, cut)).toBe('0')
})

test('a server keeps its address when it asks for a lease again', async () => {
  const address = await addressOf(first)
  expect(await servers.run(first, 'sudo udhcpc -q -n -f -i eth0 -s /bin/true 2>&1')).toContain(
    `lease of ${address} obtained`,
  )
})

test('a server reaches the internet, by name', async () => {
  const release = 'wget -q -O - http://deb.debian.org/debian/dists/bookworm/Release | head -1'
  expect(await servers.run(first, release)).toBe('Origin: Debian')
})

test('a server reaches nothing of the host', async () => {
  const hostAddress = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
  const service = createServer((socket) => socket.end('secret')).listen(0, '0.0.0.0')
  await until(async () => service.listening)
  const { port } = service.address() as { port: number }
  try {
    const hosts = [hostAddress, '172.31.0.1', '172.31.0.2', '169.254.169.254', '169.254.169.250', '127.0.0.1']
    // All at once: most of them are silent, which takes its time.
    const asked = hosts.map(
      (host) => `{ nc -w 2 ${host} ${port} </dev/null 2>&1 || echo nothing; } | sed 's/^/${host} /' &`,
    )
    const answers = (await servers.run(first, `${asked.join('\n')}\nwait`)).split('\n')
    for (const host of hosts) expect(answers).toContain(`${host} nothing`)
    expect(await servers.run(first, 'sudo ping -c 1 -W 2 172.31.0.1 || true')).toContain('0 packets received')
  } finally {
    service.close()
  }
})

test('the metadata service refuses as EC2 does', async () => {
  const leaf = '/latest/meta-data/instance-id'
  const ttl = (value: string) => `X-aws-ec2-metadata-token-ttl-seconds: ${value}`
  expect(await statusOf(first, 'GET', leaf)).toBe(200)
  expect(await statusOf(second, 'GET', leaf)).toBe(401)
  const token = await takeToken(second)
  expect(await metadata(second, 'GET', leaf, `X-aws-ec2-metadata-token: ${token}`)).toContain(second)
  // Another server's token is nobody's here.
  expect(await statusOf(first, 'GET', leaf, `X-aws-ec2-metadata-token: ${token}`)).toBe(401)
  expect(await statusOf(first, 'PUT', '/latest/api/token', ttl('0'))).toBe(400)
  expect(await statusOf(first, 'PUT', '/latest/api/token', ttl('60'), 'X-Forwarded-For: 10.0.0.1')).toBe(403)
  expect(await statusOf(first, 'GET', '/latest/meta-data/iam/')).toBe(404)
  expect(await statusOf(first, 'POST', leaf, 'Content-Length: 0')).toBe(405)
})

test('a server with a profile has credentials of its role, and with them the EC2 API', async () => {
  const base = '/latest/meta-data'
  await lab.call('AssociateIamInstanceProfile', { InstanceId: first, IamInstanceProfile: { Name: 'deploy' } })
  const read = async (path: string) =>
    (await metadata(first, 'GET', `${base}${path}`)).split('\n\n').slice(1).join('\n\n')
  expect(await read('/iam/security-credentials/')).toBe('deploy')
  expect(JSON.parse(await read('/iam/info'))).toMatchObject({
    Code: 'Success',
    InstanceProfileArn: 'arn:aws:iam::123456789012:instance-profile/deploy',
  })
  const document = JSON.parse(await read('/iam/security-credentials/deploy')) as Record<string, string>
  expect(document).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC' })
  expect(Date.parse(document['Expiration'] ?? '')).toBeGreaterThan(Date.now() + 4 * 3_600_000)
  const endpoint = await read('/services/endpoint')
  const key = { accessKeyId: document['AccessKeyId'] ?? '', secretAccessKey: document['SecretAccessKey'] ?? '' }
  const url = presignedUrl(endpoint, {
    parameters: 'Action=CreateTags&Version=2016-11-15&ResourceId.1=' + first + '&Tag.1.Key=by&Tag.1.Value=role',
    key,
    method: 'GET',
    expiresSeconds: 60,
    sessionToken: document['Token'] ?? '',
  })
  expect(await servers.run(first, `wget -q -O - '${url}'`)).toContain('<return>true</return>')
  const { Entries: entries } = await lab.call('KilnDescribeAuditLog', { Operation: 'CreateTags' })
  expect(entries.at(-1)).toMatchObject({
    Arn: `arn:aws:sts::123456789012:assumed-role/deploy/${first}`,
    SourceAddress: await addressOf(first),
    SourceVpcId: (await servers.describe(first)).VpcId,
  })
})

test('a spot server launched by a template has its user data, and hears of its end from its metadata', async () => {
  await until(async () => (await servers.run(second, 'cat /tmp/told || true')) === 'from the template')
  const read = async (path: string) => {
    const token = await takeToken(second)
    return await metadata(second, 'GET', `/latest/meta-data/${path}`, `X-aws-ec2-metadata-token: ${token}`)
  }
  expect(await read('instance-life-cycle')).toContain('\nspot')
  expect(await read('spot/instance-action')).toContain(' 404 ')
  expect(await read('events/recommendations/rebalance')).toContain(' 404 ')
  const { NoticeTime: noticed } = await lab.call('KilnRecommendRebalance', { InstanceId: second })
  expect(await read('events/recommendations/rebalance')).toContain(
    JSON.stringify({ noticeTime: `${noticed.slice(0, 19)}Z` }),
  )
  const { Time: time } = await lab.call('KilnInterruptSpotInstance', { InstanceId: second, NoticeSeconds: 3600 })
  const told = `${time.slice(0, 19)}Z`
  expect(await read('spot/instance-action')).toContain(JSON.stringify({ action: 'terminate', time: told }))
  expect(await read('spot/termination-time')).toContain(told)
})

test('a reboot that is scheduled is told of and comes, and one that is canceled does not', async () => {
  const read = async (list: string) => {
    const answer = await metadata(first, 'GET', `/latest/meta-data/events/maintenance/${list}`)
    return JSON.parse(answer.split('\n\n').slice(1).join('\n\n')) as Record<string, string>[]
  }
  const statusEvents = async () => {
    const { InstanceStatuses: statuses } = await lab.call('DescribeInstanceStatus', { InstanceIds: [first] })
    return statuses?.[0]?.Events ?? []
  }
  expect([await read('scheduled'), await read('history')]).toEqual([[], []])
  await lab.kiln('fault', 'event', 'instance-stop', first, '--in', '1h')
  const [stop] = await statusEvents()
  expect(stop).toMatchObject({ Code: 'instance-stop', Description: 'The instance is running on degraded hardware' })
  expect(await read('scheduled')).toMatchObject([
    { Code: 'instance-stop', State: 'active', EventId: stop?.InstanceEventId },
  ])
  await lab.kiln('fault', 'cancel-event', first)
  expect([await read('scheduled'), await read('history')]).toMatchObject([[], [{ State: 'canceled' }]])

  const bootId = async () => await servers.run(first, 'cat /proc/sys/kernel/random/boot_id').catch(() => '')
  const before = await bootId()
  await lab.kiln('fault', 'event', 'instance-reboot', first, '--in', '1s')
  await until(async () => ![before, ''].includes(await bootId()))
  expect(await read('history')).toMatchObject([{}, { Code: 'instance-reboot', State: 'completed' }])
  expect((await statusEvents()).map(({ Description }) => Description)).toEqual([
    '[Canceled] The instance is running on degraded hardware',
    '[Completed] The instance is scheduled for a reboot',
  ])
})

test('OpenSSL verifies the identity document that a server reads, with the certificate of this Kiln', async () => {
  const read = async (leaf: string) => {
    const answer = await metadata(first, 'GET', `/latest/dynamic/instance-identity/${leaf}`)
    return answer.split('\n\n').slice(1).join('\n\n')
  }
  const document = await read('document')
  expect(JSON.parse(document)).toMatchObject({ instanceId: first, accountId: '123456789012' })
  const [signed, certificate] = [join(lab.home, 'identity.p7'), join(lab.home, 'identity.pem')]
  await writeFile(signed, `-----BEGIN PKCS7-----\n${await read('pkcs7')}\n-----END PKCS7-----\n`)
  await writeFile(certificate, (await lab.kiln('metadata', 'certificate')).stdout)
  const verify = ['smime', '-verify', '-inform', 'PEM', '-in', signed, '-certfile', certificate, '-noverify']
  expect((await execa('openssl', verify)).stdout.replaceAll('\r', '')).toBe(document)
})

test('metadata options count at once, and an interrupt reaches the kernel', async () => {
  const leaf = '/latest/meta-data/instance-id'
  const change = async (options: object) => {
    await lab.call('ModifyInstanceMetadataOptions', { InstanceId: first, ...options })
    await until(async () => (await servers.describe(first)).MetadataOptions?.State === 'applied')
  }
  await change({ HttpTokens: 'required', HttpPutResponseHopLimit: 5, InstanceMetadataTags: 'enabled' })
  await lab.call('CreateTags', { Resources: [first], Tags: [{ Key: 'role', Value: 'web' }] })
  expect(await statusOf(first, 'GET', leaf)).toBe(401)
  const token = `X-aws-ec2-metadata-token: ${await takeToken(first)}`
  expect(await metadata(first, 'GET', '/latest/meta-data/tags/instance/role', token)).toContain('web')
  await change({ HttpEndpoint: 'disabled' })
  expect(await statusOf(first, 'GET', leaf, token)).toBe(403)
  await change({ HttpEndpoint: 'enabled', HttpTokens: 'optional' })
  expect(await statusOf(first, 'GET', leaf)).toBe(200)

  await lab.call('SendDiagnosticInterrupt', { InstanceId: first })
  await until(async () => (await servers.run(first, 'sudo dmesg')).includes('NMI'))
})

test('a token outlives the daemon', async () => {
  const token = await takeToken(second)
  await lab.killDaemon()
  await lab.startDaemon()
  const read = async () =>
    await metadata(second, 'GET', '/latest/meta-data/instance-id', `X-aws-ec2-metadata-token: ${token}`).catch(() => '')
  await until(async () => (await read()).includes(second))
})

test('faults make go wrong what was asked for, of one server, and end by themselves', async () => {
  const kiln = async (...args: string[]) => (await lab.kiln('fault', ...args)).stdout
  const address = await addressOf(second)
  const ping = async () => await servers.run(first, `sudo ping -c 1 -W 2 ${address} || true`)
  expect(await ping()).toContain(' 1 packets received')
  expect(await kiln('inject', 'partition', first, '--from', second, '--for', '1h')).toMatch(/^fault-\w+ lasts until /)
  expect(await ping()).toContain(' 0 packets received')
  expect(await kiln('ls')).toContain('partition')
  expect(await kiln('clear', '--all')).toMatch(/^fault-\w+$/)
  expect(await ping()).toContain(' 1 packets received')

  const leaf = '/latest/meta-data/instance-id'
  await kiln('inject', 'metadata', first, '--mode', 'error')
  expect(await statusOf(first, 'GET', leaf)).toBe(503)
  expect(await statusOf(second, 'GET', leaf)).toBe(401)
  await kiln('clear', '--all')
  expect(await statusOf(first, 'GET', leaf)).toBe(200)

  const environment = await lab.call('KilnGetEnvironment', {})
  const key = { accessKeyId: environment.AccessKeyId, secretAccessKey: environment.SecretAccessKey }
  const parameters = 'Action=DescribeRegions&Version=2016-11-15'
  const ask = async () => (await sendRaw(environment.EndpointUrl, { parameters, key })).body
  await kiln('inject', 'api', '--per-second', '0', '--for', '5s')
  expect(await ask()).toContain('<Code>RequestLimitExceeded</Code>')
  await until(async () => (await ask()).includes('<regionName>us-east-1</regionName>'))
  expect(await kiln('ls')).toBe('')
  const complaint = async (...args: string[]) => (await lab.kiln('fault', 'inject', ...args)).stderr
  expect(await complaint('loss', first)).toContain('--percent')
  expect(await complaint('dns', 'nobody')).toContain('There is no instance and no security group nobody.')
})

test('a rule that is taken back counts at once', async () => {
  const address = await addressOf(second)
  await lab.call('RevokeSecurityGroupIngress', {
    GroupId: servers.groupId,
    IpPermissions: [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 0, UserIdGroupPairs: [{ GroupId: servers.groupId }] }],
  })
  const ping = async () => await servers.run(first, `sudo ping -c 1 -W 2 ${address} || true`)
  await until(async () => (await ping()).includes(' 0 packets received'))
  const analysis = await lab.kiln('net', 'path', first, second, '--protocol', 'icmp')
  expect(analysis.stdout).toContain('ENI_SG_RULES_MISMATCH')
})

test('flow logs have what passes and what is stopped, live and in a file', async () => {
  const { VpcId: vpcId = '', OwnerId: owner } = (await servers.describe(second)).NetworkInterfaces?.[0] ?? {}
  const interfaceOf = async (id: string) => (await servers.describe(id)).NetworkInterfaces?.[0]?.NetworkInterfaceId
  const [sender, receiver, from, to] = [
    ...(await Promise.all([interfaceOf(first), interfaceOf(second)])),
    ...(await Promise.all([addressOf(first), addressOf(second)])),
  ]
  const { FlowLogIds: flowLogIds = [] } = await lab.call('CreateFlowLogs', {
    ...{ ResourceIds: [vpcId], ResourceType: 'VPC', TrafficType: 'ALL', LogGroupName: '/lab/flows' },
  })
  const [program, ...argv] = lab.kilnArgv
  const live = execa(program, [...argv, 'flow-logs', '-f', second, '--reject'], { cwd: lab.home, reject: false })
  let shown = ''
  live.stdout.on('data', (text) => (shown += String(text)))
  const rejected = ` ${receiver} ${from} ${to} 0 0 1 `
  await until(async () => {
    await servers.run(first, `sudo ping -c 1 -W 1 ${to} || true`)
    return shown.includes(rejected)
  })
  live.kill('SIGINT')
  await live
  expect(shown).toMatch(/ REJECT OK$/m)
  expect(shown).not.toContain(' ACCEPT ')
  await servers.run(first, `sudo ping -c 1 -W 1 ${to} || true`)
  expect((await lab.call('DeleteFlowLogs', { FlowLogIds: flowLogIds })).Unsuccessful ?? []).toEqual([])
  const directory = `${lab.home}/log-groups/${owner}/us-east-1/%2Flab%2Fflows`
  const read = async (id = '') => await readFile(`${directory}/${id}-all.log`, 'utf8')
  expect(await read(receiver)).toMatch(new RegExp(`^2 ${owner}${rejected}\\d+ \\d+ \\d+ \\d+ REJECT OK$`, 'm'))
  expect(await read(sender)).toMatch(new RegExp(`^2 ${owner} ${sender} ${from} ${to} 0 0 1 .* ACCEPT OK$`, 'm'))
  // The way in, by which the commands came.
  expect(await read(sender)).toMatch(/ 22 6 \d+ \d+ \d+ \d+ ACCEPT OK$/m)
})

test('a server reaches one of a peered VPC, by the group of its own and by a public name, for as long as they are peered', async () => {
  const { VpcId: vpcId = '' } = await servers.describe(first)
  const { Vpc: peer } = await lab.call('CreateVpc', { CidrBlock: '10.60.0.0/16' })
  const PeerVpcId = peer?.VpcId ?? ''
  const { Subnet: subnet } = await lab.call('CreateSubnet', { VpcId: PeerVpcId, CidrBlock: '10.60.0.0/24' })
  const { GroupId: groupId = '' } = await lab.call('CreateSecurityGroup', {
    ...{ GroupName: 'peer', Description: 'from the other VPC', VpcId: PeerVpcId },
  })
  const { ImageId: imageId = '' } = await servers.describe(first)
  const [remote = ''] = await servers.launch(imageId, { SubnetId: subnet?.SubnetId ?? '', SecurityGroupIds: [groupId] })
  const { VpcPeeringConnection: made } = await lab.call('CreateVpcPeeringConnection', { VpcId: vpcId, PeerVpcId })
  const connection = { VpcPeeringConnectionId: made?.VpcPeeringConnectionId ?? '' }
  await lab.call('AcceptVpcPeeringConnection', connection)
  for (const [id, DestinationCidrBlock] of [
    [vpcId, '10.60.0.0/16'],
    [PeerVpcId, '172.31.0.0/16'],
  ] as const) {
    const RouteTableId = await mainTableOf(id)
    await lab.call('CreateRoute', { RouteTableId, DestinationCidrBlock, ...connection })
  }
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: groupId,
    IpPermissions: [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 0, UserIdGroupPairs: [{ GroupId: servers.groupId }] }],
  })
  const address = await addressOf(remote)
  const isReached = async (name: string) =>
    (await servers.run(first, `sudo ping -c 1 -W 2 ${name} || true`)).includes('1 packets received')
  await until(async () => await isReached(address))

  const { InternetGateway: gateway } = await lab.call('CreateInternetGateway', {})
  await lab.call('AttachInternetGateway', { InternetGatewayId: gateway?.InternetGatewayId ?? '', VpcId: PeerVpcId })
  const { AllocationId } = await lab.call('AllocateAddress', {})
  await lab.call('AssociateAddress', { AllocationId, InstanceId: remote })
  await lab.call('ModifyVpcAttribute', { VpcId: PeerVpcId, EnableDnsHostnames: { Value: true } })
  await lab.call('ModifyVpcPeeringConnectionOptions', {
    ...connection,
    AccepterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc: true },
  })
  const { PublicDnsName: publicName = '' } = await servers.describe(remote)
  expect(publicName).toMatch(/^ec2-127-/)
  await until(async () => (await servers.run(first, `nslookup -type=a ${publicName} || true`)).includes(address))
  expect(await isReached(publicName)).toBe(true)

  await lab.call('DeleteVpcPeeringConnection', connection)
  await until(async () => !(await isReached(address)))
  const { RouteTables: tables } = await lab.call('DescribeRouteTables', { RouteTableIds: [await mainTableOf(vpcId)] })
  expect(tables?.[0]?.Routes).toContainEqual(expect.objectContaining({ ...connection, State: 'blackhole' }))
  await lab.call('TerminateInstances', { InstanceIds: [remote], Force: true })
})

async function mainTableOf(vpcId: string): Promise<string> {
  const { RouteTables: tables } = await lab.call('DescribeRouteTables', {
    Filters: [
      { Name: 'vpc-id', Values: [vpcId] },
      { Name: 'association.main', Values: ['true'] },
    ],
  })
  return tables?.[0]?.RouteTableId ?? ''
}

test('nothing is left when the servers are gone', async () => {
  left = await lab.close()
  expect(left).toEqual([])
})
