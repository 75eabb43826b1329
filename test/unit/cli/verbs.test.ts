import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { runAgainst } from './run-against.ts'

const web = { InstanceId: 'i-00000000000000001', State: { Name: 'running' }, Tags: [{ Key: 'Name', Value: 'web' }] }
const stopped = { InstanceId: 'i-00000000000000002', State: { Name: 'stopped' }, Tags: [{ Key: 'Name', Value: 'off' }] }
const instances = {
  DescribeInstances: (input: { Filters?: { Values: string[] }[] }) => ({
    Reservations: [
      {
        Instances: [web, stopped].filter(
          ({ Tags }) => input.Filters?.[0]?.Values.includes(Tags[0]?.Value ?? '') ?? true,
        ),
      },
    ],
  }),
  KilnDescribeInstance: () => ({ LoginUser: 'admin' }),
}
const groups = {
  DescribeSecurityGroups: () => ({
    SecurityGroups: [
      { GroupId: 'sg-00000001', GroupName: 'front' },
      { GroupId: 'sg-00000002', GroupName: 'lb' },
      { GroupId: 'sg-00000003', GroupName: 'twice', VpcId: 'vpc-1' },
      { GroupId: 'sg-00000004', GroupName: 'twice', VpcId: 'vpc-2' },
    ],
  }),
  AuthorizeSecurityGroupIngress: () => ({ Return: true }),
  RevokeSecurityGroupEgress: () => ({ Return: true, UnknownIpPermissions: [{}] }),
}

test('copies by scp through the socket, names or ids on either side', async () => {
  const { code, started } = await runAgainst(instances, ['cp', '-r', '/a:b', './c:d', 'root@web:x', 'web:/tmp'])
  expect(code).toBe(7)
  expect(started[0]?.[0]).toBe('scp')
  expect(started[0]?.slice(started[0].indexOf('-r'))).toEqual([
    '-r',
    '-q',
    '--',
    '/a:b',
    './c:d',
    'root@i-00000000000000001:x',
    'admin@i-00000000000000001:/tmp',
  ])
})

test.each([
  ['two local sides', ['cp', 'a', 'b'], 2, 'INSTANCE:PATH'],
  ['a single side', ['cp', 'web:/x'], 2, 'a source and a target'],
  ['an instance that is off', ['cp', 'off:/x', '.'], 1, 'kiln start off'],
])('refuses to copy with %s', async (_what, argv, code, hint) => {
  const refused = await runAgainst(instances, argv)
  expect(refused).toMatchObject({ code, started: [] })
  expect(refused.err).toContain(hint)
})

test('lets a port range in from addresses and from a group, named or by id', async () => {
  const argv = [
    'sg',
    'allow',
    'front',
    'tcp',
    '8000-8080',
    '--from',
    '10.0.0.0/8',
    '--from',
    '::/0',
    '--from',
    'pl-0123456789abcdef0',
    '--from-group',
    'lb',
  ]
  const { code, calls } = await runAgainst(groups, argv)
  expect(code).toBe(0)
  expect(calls.at(-1)).toMatchObject({
    operation: 'AuthorizeSecurityGroupIngress',
    input: {
      GroupId: 'sg-00000001',
      IpPermissions: [
        {
          IpProtocol: 'tcp',
          FromPort: 8000,
          ToPort: 8080,
          IpRanges: [{ CidrIp: '10.0.0.0/8' }],
          Ipv6Ranges: [{ CidrIpv6: '::/0' }],
          PrefixListIds: [{ PrefixListId: 'pl-0123456789abcdef0' }],
          UserIdGroupPairs: [{ GroupId: 'sg-00000002' }],
        },
      ],
    },
  })
})

test.each([
  [['icmp'], { IpProtocol: 'icmp', FromPort: -1, ToPort: -1 }],
  [['icmp', '8/0'], { IpProtocol: 'icmp', FromPort: 8, ToPort: 0 }],
  [['udp', '53'], { IpProtocol: 'udp', FromPort: 53, ToPort: 53 }],
  [['tcp', 'all'], { IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535 }],
  [['all'], { IpProtocol: '-1' }],
])('understands the traffic %j', async (traffic, expected) => {
  const { calls } = await runAgainst(groups, ['sg', 'allow', 'front', ...traffic, '--from', '0.0.0.0/0'])
  expect(calls.at(-1)?.input['IpPermissions']).toEqual([{ ...expected, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }])
})

test.each([
  [['front', 'tcp', '--from', '0.0.0.0/0'], 2],
  [['front', 'tcp', '90-80', '--from', '0.0.0.0/0'], 2],
  [['front', 'tcp', '70000', '--from', '0.0.0.0/0'], 2],
  [['front', 'all', '80', '--from', '0.0.0.0/0'], 2],
  [['front', 'quic', '80', '--from', '0.0.0.0/0'], 2],
  [['front', 'tcp', '80'], 2],
  [['twice', 'tcp', '80', '--from', '0.0.0.0/0'], 5],
  [['absent', 'tcp', '80', '--from', '0.0.0.0/0'], 4],
])('refuses the rule %j and changes nothing', async (words, code) => {
  const refused = await runAgainst(groups, ['sg', 'allow', ...words])
  expect(refused.code).toBe(code)
  expect(refused.calls.map(({ operation }) => operation)).not.toContain('AuthorizeSecurityGroupIngress')
})

test('shows rules of every kind of peer', async () => {
  const IpPermissions = [
    {
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      IpRanges: [{ CidrIp: '10.0.0.0/8' }],
      Ipv6Ranges: [{ CidrIpv6: '::/0' }],
      UserIdGroupPairs: [{ GroupId: 'sg-00000002' }],
      PrefixListIds: [{ PrefixListId: 'pl-0123456789abcdef0', Description: 'the offices' }],
    },
  ]
  const described = {
    DescribeSecurityGroups: () => ({
      SecurityGroups: groups
        .DescribeSecurityGroups()
        .SecurityGroups.map((group) => (group.GroupName === 'front' ? { ...group, IpPermissions } : group)),
    }),
  }
  const { out } = await runAgainst(described, ['sg', 'describe', 'front'])
  for (const peer of ['10.0.0.0/8', '::/0', 'sg-00000002 lb', 'pl-0123456789abcdef0  the offices']) {
    expect(out).toMatch(new RegExp(`tcp 22 +from ${peer}`))
  }
})

test('says when the rule to revoke is not there', async () => {
  const argv = ['sg', 'revoke', 'front', 'all', '--from', '0.0.0.0/0', '--egress']
  expect(await runAgainst(groups, argv)).toMatchObject({ code: 4 })
})

test('checks a launch before anything is made', async () => {
  const answers = {
    DescribeImages: () => ({ Images: [{ ImageId: 'ami-00000001', Name: 'nano', State: 'available' }] }),
    DescribeInstanceTypes: () => ({ InstanceTypes: [{ InstanceType: 't3.micro' }, { InstanceType: 't3.nano' }] }),
    DescribeKeyPairs: () => ({ KeyPairs: [] }),
    ...groups,
  }
  const launch = (...options: string[]) => runAgainst(answers, ['run', 'nano', ...options])
  expect(await launch('--type', 't3.huge')).toMatchObject({
    code: 2,
    err: expect.stringContaining('t3.micro, t3.nano'),
  })
  expect(await launch('--key', 'mine')).toMatchObject({ code: 4, err: expect.stringContaining('kiln key create') })
  expect(await launch('--sg', 'absent')).toMatchObject({ code: 4 })
  expect(await launch('--tag', 'x')).toMatchObject({ code: 2 })
  expect(await launch('--user-data', '/nonexistent')).toMatchObject({ code: 2 })
})

test('launches with IPv6 addresses that are told or counted', async () => {
  const answers = {
    DescribeImages: () => ({ Images: [{ ImageId: 'ami-00000001', Name: 'nano', State: 'available' }] }),
    DescribeInstanceTypes: () => ({ InstanceTypes: [{ InstanceType: 't3.micro' }] }),
    DescribeKeyPairs: () => ({ KeyPairs: [{ KeyPairId: 'key-00000001', KeyName: 'mine' }] }),
    RunInstances: () => ({ Instances: [{ InstanceId: 'i-1' }] }),
    ...groups,
  }
  const launch = async (...options: string[]) => {
    const argv = ['run', 'nano', '--key', 'mine', '--sg', 'front', '--subnet', 'subnet-1', ...options]
    const { calls } = await runAgainst(answers, argv)
    return calls.find(({ operation }) => operation === 'RunInstances')?.input
  }
  expect(await launch('--ipv6', 'fd00::5', '--ipv6', 'fd00::6')).toMatchObject({
    Ipv6Addresses: [{ Ipv6Address: 'fd00::5' }, { Ipv6Address: 'fd00::6' }],
  })
  expect(await launch('--ipv6-count', '0')).toMatchObject({ Ipv6AddressCount: 0 })
  expect(await launch()).not.toHaveProperty('Ipv6AddressCount')
})

test('finds an instance by its IPv6 address, however it is spelt', async () => {
  const answers = {
    DescribeInstances: ({ Filters: [filter] = [] }: { Filters?: { Name: string; Values: string[] }[] }) => ({
      Reservations: filter?.Name === 'ipv6-address' && filter.Values[0] === 'fd00::5' ? [{ Instances: [web] }] : [],
    }),
    KilnDescribeInstance: () => ({ LoginUser: 'admin' }),
  }
  const { started } = await runAgainst(answers, ['ssh', 'FD00:0::5'])
  expect(started[0]).toContain('i-00000000000000001')
  expect(await runAgainst(answers, ['ssh', 'fd00::6'])).toMatchObject({ code: 4 })
})

test('writes a new private key once, readable by its owner only, and never over a file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-key-'))
  try {
    const path = join(directory, 'deploy.pem')
    const answers = { CreateKeyPair: () => ({ KeyMaterial: 'secret', KeyFingerprint: 'f' }) }
    const argv = ['key', 'create', 'deploy', '--out', path]
    expect(await runAgainst(answers, argv)).toMatchObject({ code: 0, out: `${path}\n` })
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['secret', 0o600])
    const again = await runAgainst(answers, argv)
    expect([again.code, again.calls]).toEqual([1, []])
    const refusedPath = join(directory, 'refused.pem')
    expect((await runAgainst({}, ['key', 'create', 'x', '--out', refusedPath])).code).toBe(4)
    await expect(stat(refusedPath)).rejects.toThrow('ENOENT')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('registers the public half of a private key', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-key-'))
  try {
    const path = join(directory, 'id')
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
    const answers = { ImportKeyPair: () => ({ KeyPairId: 'key-1', KeyFingerprint: 'f' }) }
    const { calls } = await runAgainst(answers, ['key', 'import', 'me', path])
    const sent = Buffer.from(String(calls[0]?.input['PublicKeyMaterial']), 'base64').toString()
    expect(sent.split(' ')[1]).toBe((await readFile(`${path}.pub`, 'utf8')).split(' ')[1])
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('waits for a reboot until the new boot has come so far', async () => {
  const boots = ['before', 'before', 'after', 'after', 'after']
  let looks = 0
  const { code, err } = await runAgainst(
    {
      ...instances,
      DescribeInstances: () => ({ Reservations: [{ Instances: [web] }] }),
      RebootInstances: () => ({}),
      KilnDescribeInstance: () => {
        const BootRequestedAt = boots[looks++]
        const hasCome = BootRequestedAt === 'before' || looks > 4
        return {
          InstanceId: web.InstanceId,
          BootRequestedAt,
          BootStages: [{ Name: 'ssh', ...(hasCome ? { Seconds: 1 } : {}) }],
        }
      },
    },
    ['reboot', 'web', '--wait', 'ssh'],
  )
  expect([code, looks, err]).toEqual([0, 5, 'web  ssh after 1.0 s\n'])
})

test('colours states only where it may', async () => {
  const listing = { ...instances, DescribeImages: () => ({ Images: [] }) }
  expect((await runAgainst(listing, ['ls'])).out).not.toContain('\u001b')
  const colored = await runAgainst(listing, ['ls'], { environment: { FORCE_COLOR: '1' } })
  expect(colored.out).toContain('\u001b[32mrunning\u001b[0m')
  const refused = await runAgainst(listing, ['ls', '--no-color'], { environment: { FORCE_COLOR: '1' } })
  expect(refused.out).not.toContain('\u001b')
})

test('restores snapshots from the recycle bin before the images that need them', async () => {
  const bin = { RestoreImageFromRecycleBin: () => ({}), RestoreSnapshotFromRecycleBin: () => ({}) }
  const { code, out } = await runAgainst(bin, ['recycle-bin', 'restore', 'ami-00000001', 'snap-00000001'])
  expect({ code, out }).toEqual({ code: 0, out: 'snap-00000001\nami-00000001\n' })
})

test('makes a rule of the recycle bin for what has one of some tags', async () => {
  const put = { KilnPutRetentionRule: () => ({ Rule: { Identifier: 'abcdefghijk' } }) }
  const argv = ['recycle-bin', 'keep', 'images', '--days', '14', '--tag', 'team=blue', '--tag', 'keep=']
  const { calls, out } = await runAgainst(put, argv)
  expect(out).toBe('abcdefghijk\n')
  const tags = [
    { Key: 'team', Value: 'blue' },
    { Key: 'keep', Value: '' },
  ]
  expect(calls[0]?.input).toEqual({
    ResourceType: 'EC2_IMAGE',
    RetentionDays: 14,
    ResourceTags: tags,
    ExcludeResourceTags: [],
  })
  expect((await runAgainst(put, ['recycle-bin', 'keep', 'volumes', '--days', '1'])).code).toBe(2)
})
