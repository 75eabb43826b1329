import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { presignedUrl } from './api/raw-query.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

// What real guests see of their VPC; the rules themselves are tried in test/integration/network/.
let lab: Lab
let servers: Servers
let first: string
let second: string
let left: string[] | undefined

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
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
  expect(await servers.run(first, 'nslookup 172.31.200.200 || true')).toContain('NXDOMAIN')
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: servers.groupId,
    IpPermissions: [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 0, UserIdGroupPairs: [{ GroupId: servers.groupId }] }],
  })
  await until(async () =>
    (await servers.run(first, `sudo ping -c 1 -W 2 ${name} || true`)).includes('1 packets received'),
  )
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
    for (const host of [hostAddress, '172.31.0.1', '172.31.0.2', '169.254.169.254', '169.254.169.250', '127.0.0.1']) {
      const answer = await servers.run(first, `nc -w 2 ${host} ${port} </dev/null 2>&1 || echo nothing`)
      expect(`${host} ${answer}`).toContain('nothing')
    }
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
  const { Time: time } = await lab.call('KilnInterruptSpotInstance', { InstanceId: second, NoticeSeconds: 3600 })
  const told = `${time.slice(0, 19)}Z`
  expect(await read('spot/instance-action')).toContain(JSON.stringify({ action: 'terminate', time: told }))
  expect(await read('spot/termination-time')).toContain(told)
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

test('a rule that is taken back counts at once', async () => {
  const address = await addressOf(second)
  await lab.call('RevokeSecurityGroupIngress', {
    GroupId: servers.groupId,
    IpPermissions: [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 0, UserIdGroupPairs: [{ GroupId: servers.groupId }] }],
  })
  const ping = async () => await servers.run(first, `sudo ping -c 1 -W 2 ${address} || true`)
  await until(async () => (await ping()).includes(' 0 packets received'))
})

test('nothing is left when the servers are gone', async () => {
  left = await lab.close()
  expect(left).toEqual([])
})
