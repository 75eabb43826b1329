import { promises as dns } from 'node:dns'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk, refusalOfSocket } from './api-lab.ts'
import { createVpc, defaultVpcId } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function launch(name: string, more: object = {}): Promise<string> {
  const { Instances: launched } = await api.lab.call('RunInstances', {
    ImageId: api.imageId,
    InstanceType: 't3.nano',
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: name }] }],
    ...more,
  })
  return launched?.[0]?.InstanceId ?? ''
}

async function describeInstance(id: string) {
  const { Reservations: reservations } = await api.lab.call('DescribeInstances', { InstanceIds: [id] })
  const [instance] = reservations?.[0]?.Instances ?? []
  if (!instance) throw new Error(`${id} is not described`)
  return instance
}

describe('host name options', () => {
  test('come from the launch over the subnet, change which names resolve at once and the name itself while stopped', async () => {
    const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {})
    const SubnetId = subnets?.[0]?.SubnetId ?? ''
    await api.lab.call('ModifySubnetAttribute', { SubnetId, PrivateDnsHostnameTypeOnLaunch: 'resource-name' })
    await api.lab.call('ModifySubnetAttribute', {
      SubnetId,
      EnableResourceNameDnsAAAARecordOnLaunch: { Value: true },
    })
    const options = {
      HostnameType: 'resource-name',
      EnableResourceNameDnsARecord: true,
      EnableResourceNameDnsAAAARecord: true,
    }
    const told = await api.lab.call('DescribeSubnets', {
      Filters: [{ Name: 'private-dns-name-options-on-launch.hostname-type', Values: ['resource-name'] }],
    })
    expect(told.Subnets).toMatchObject([{ SubnetId, PrivateDnsNameOptionsOnLaunch: options }])
    const id = await launch('named', {
      SubnetId,
      PrivateDnsNameOptions: { EnableResourceNameDnsAAAARecord: false },
    })
    expect(await describeInstance(id)).toMatchObject({
      PrivateDnsName: `${id}.ec2.internal`,
      PrivateDnsNameOptions: { ...options, EnableResourceNameDnsAAAARecord: false },
    })
    await until(async () => (await describeInstance(id)).State?.Name === 'running')
    await api.lab.call('ModifyPrivateDnsNameOptions', { InstanceId: id, EnableResourceNameDnsARecord: false })
    const rename = { InstanceId: id, PrivateDnsHostnameType: 'ip-name' }
    expect((await refusalOfSdk(api, 'ModifyPrivateDnsNameOptions', rename))?.code).toBe('IncorrectInstanceState')
    await api.lab.call('StopInstances', { InstanceIds: [id], Force: true })
    await until(async () => (await describeInstance(id)).State?.Name === 'stopped')
    await api.lab.call('ModifyPrivateDnsNameOptions', { ...rename, PrivateDnsHostnameType: 'ip-name' })
    const instance = await describeInstance(id)
    expect(instance).toMatchObject({
      PrivateDnsName: `ip-${instance.PrivateIpAddress?.replaceAll('.', '-')}.ec2.internal`,
      PrivateDnsNameOptions: {
        HostnameType: 'ip-name',
        EnableResourceNameDnsARecord: false,
        EnableResourceNameDnsAAAARecord: false,
      },
    })
    await api.lab.call('TerminateInstances', { InstanceIds: [id] })
    expect((await refusalOfSdk(api, 'ModifyPrivateDnsNameOptions', rename))?.code).toBe('IncorrectInstanceState')
    await api.lab.call('ModifySubnetAttribute', { SubnetId, PrivateDnsHostnameTypeOnLaunch: 'ip-name' })
  })
})

describe('private zones', () => {
  const codeOf = async (name: string, input: object) => (await refusalOfSocket(api, name, input))?.code

  test('hold records, changed all or none, and belong to VPCs', async () => {
    const vpcId = await createVpc(api)
    const { Zone: zone } = await api.lab.call('KilnCreateDnsZone', { Name: 'Lab.Internal.', VpcIds: [vpcId] })
    expect(zone).toEqual({ ZoneId: zone.ZoneId, Name: 'lab.internal', VpcIds: [vpcId], RecordCount: 0 })
    const { ZoneId } = zone
    expect(await codeOf('KilnCreateDnsZone', { Name: 'lab.internal', VpcIds: [vpcId] })).toBe('ConflictingDomainExists')
    for (const Name of ['ec2.internal', 'x.ec2.internal', 'kiln', 'a..b', '-a.b', 'a b']) {
      expect(`${Name}: ${await codeOf('KilnCreateDnsZone', { Name })}`).toBe(`${Name}: InvalidParameterValue`)
    }
    const change = async (...Changes: object[]) => await codeOf('KilnChangeDnsRecords', { ZoneId, Changes })
    const record = (Action: string, Name: string, Type: string, ...Values: string[]) => ({ Action, Name, Type, Values })
    expect(
      await change(
        record('create', 'web', 'A', '10.0.0.5', '10.0.0.6'),
        record('create', '@', 'TXT', 'v=1 "quoted"'),
        record('create', '*.apps.lab.internal.', 'CNAME', 'Web.Lab.Internal.'),
        record('create', '_db._tcp', 'SRV', '10 020 5432 db.lab.internal'),
        record('create', 'six', 'AAAA', '2001:DB8:0::1'),
      ),
    ).toBeUndefined()
    const read = async () => (await api.lab.call('KilnDescribeDnsRecords', { ZoneId })).Records
    expect(await read()).toEqual([
      { Name: 'web.lab.internal', Type: 'A', Ttl: 300, Values: ['10.0.0.5', '10.0.0.6'] },
      { Name: 'lab.internal', Type: 'TXT', Ttl: 300, Values: ['v=1 "quoted"'] },
      { Name: '*.apps.lab.internal', Type: 'CNAME', Ttl: 300, Values: ['web.lab.internal'] },
      { Name: '_db._tcp.lab.internal', Type: 'SRV', Ttl: 300, Values: ['10 20 5432 db.lab.internal'] },
      { Name: 'six.lab.internal', Type: 'AAAA', Ttl: 300, Values: ['2001:db8::1'] },
    ])
    for (const refused of [
      record('create', 'web', 'A', '10.0.0.7'),
      record('delete', 'mail', 'A'),
      record('create', 'mail', 'A', '10.0.0.300'),
      record('create', 'mail', 'A'),
      record('create', 'mail', 'AAAA', 'fe80::1%eth0'),
      record('create', 'mail.example.com.', 'A', '10.0.0.7'),
      record('create', 'a..b', 'A', '10.0.0.7'),
      record('create', 'web', 'CNAME', 'x.example'),
      record('create', '@', 'CNAME', 'x.example'),
      record('create', 'srv', 'SRV', '1 2 70000 x.example'),
      { Action: 'create', Name: 'mail', Type: 'A' },
      { Action: 'create', Name: 'mail', Type: 'TXT', InstanceIds: [] },
    ]) {
      const isRefused = await change(record('upsert', 'web', 'A', '10.9.9.9'), refused)
      expect(`${JSON.stringify(refused)} ${isRefused}`).toBe(`${JSON.stringify(refused)} InvalidChangeBatch`)
    }
    expect(await read()).toHaveLength(5)
    expect((await read())[0]?.Values).toEqual(['10.0.0.5', '10.0.0.6'])
    const other = await createVpc(api, '10.1.0.0/16')
    const { Zone: wide } = await api.lab.call('KilnAssociateDnsZone', { ZoneId, VpcId: other })
    expect(wide.VpcIds).toEqual([vpcId, other])
    await api.lab.call('DeleteVpc', { VpcId: other })
    expect((await api.lab.call('KilnDescribeDnsZones', {})).Zones).toEqual([{ ...zone, RecordCount: 5 }])
    expect(await codeOf('KilnDeleteDnsZone', { ZoneId })).toBe('HostedZoneNotEmpty')
    await api.lab.call('KilnDeleteDnsZone', { ZoneId, IsForced: true })
    expect(await codeOf('KilnDescribeDnsRecords', { ZoneId })).toBe('NoSuchHostedZone')
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })
})

describe('the names that this host asks for', () => {
  test('are those of instances and zones, with public addresses, and nothing of the world', async () => {
    const vpcId = await defaultVpcId(api)
    const id = await launch('Web Server')
    const hidden = await launch('hidden', {
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
    })
    const { Zone: zone } = await api.lab.call('KilnCreateDnsZone', { Name: 'shop.internal', VpcIds: [vpcId] })
    await until(async () => (await describeInstance(id)).PublicIpAddress !== undefined)
    const { PublicIpAddress: publicIp = '', PrivateIpAddress: privateIp = '' } = await describeInstance(id)
    await api.lab.call('KilnChangeDnsRecords', {
      ZoneId: zone.ZoneId,
      Changes: [
        { Action: 'create', Name: 'web', Type: 'A', Values: [privateIp] },
        { Action: 'create', Name: '*.apps', Type: 'A', InstanceIds: [id, hidden] },
        { Action: 'create', Name: 'www', Type: 'CNAME', Values: ['web.shop.internal'] },
        { Action: 'create', Name: 'private', Type: 'A', Values: ['172.31.99.99'] },
        { Action: 'create', Name: 'elsewhere', Type: 'A', Values: ['192.0.2.7'] },
      ],
    })
    const { Address: address, Port: port, Problem: problem } = await api.lab.call('KilnDescribeHostNames', {})
    expect(problem).toBeUndefined()
    const resolver = new dns.Resolver({ timeout: 1000, tries: 3 })
    resolver.setServers([`${address}:${port}`])
    const resolve = async (name: string) =>
      await resolver.resolve4(name).catch((error: NodeJS.ErrnoException) => String(error.code))
    await until(async () => String(await resolve('web.shop.internal')) === publicIp)
    for (const name of [
      `${id}.kiln`,
      'web-server.default.kiln',
      `web-server.${vpcId}.kiln`,
      'WEB-SERVER.kiln',
      'any.apps.shop.internal',
      'www.shop.internal',
      `ec2-${publicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`,
    ]) {
      expect(`${name} ${String(await resolve(name))}`).toBe(`${name} ${publicIp}`)
    }
    expect(await resolver.reverse(publicIp)).toEqual([`ec2-${publicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`])
    const publicNames = async () => {
      const { PublicDnsName: name = '' } = await describeInstance(id)
      const { Reservations: found = [] } = await api.lab.call('DescribeInstances', {
        Filters: [{ Name: 'dns-name', Values: [`ec2-${publicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`] }],
      })
      return [name !== '', found.length]
    }
    expect(await publicNames()).toEqual([true, 1])
    // There are public names where both DNS attributes of the VPC are on.
    await api.lab.call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsSupport: { Value: false } })
    expect(await publicNames()).toEqual([false, 0])
    await api.lab.call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsSupport: { Value: true } })
    expect(await resolve('elsewhere.shop.internal')).toEqual(['192.0.2.7'])
    for (const name of ['hidden.kiln', 'private.shop.internal']) expect(await resolve(name)).toBe('ENODATA')
    for (const name of ['nobody.kiln', 'nobody.shop.internal']) expect(await resolve(name)).toBe('ENOTFOUND')
    expect(await resolve('example.org')).toBe('EREFUSED')
    await api.lab.call('TerminateInstances', { InstanceIds: [id, hidden] })
    await until(async () => (await resolve(`${id}.kiln`)) === 'ENOTFOUND')
    await api.lab.call('KilnDeleteDnsZone', { ZoneId: zone.ZoneId, IsForced: true })
  })
})
