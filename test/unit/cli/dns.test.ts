import { expect, test } from 'vitest'
import { runAgainst } from './run-against.ts'

const zones = {
  KilnDescribeDnsZones: () => ({
    Zones: [
      { ZoneId: 'zone-1', Name: 'lab.internal', VpcIds: ['vpc-1'], RecordCount: 1 },
      { ZoneId: 'zone-2', Name: 'twice.internal', VpcIds: ['vpc-1'], RecordCount: 0 },
      { ZoneId: 'zone-3', Name: 'twice.internal', VpcIds: ['vpc-2'], RecordCount: 0 },
    ],
  }),
  DescribeVpcs: () => ({ Vpcs: [{ VpcId: 'vpc-9' }] }),
  DescribeInstances: () => ({
    Reservations: [{ Instances: [{ InstanceId: 'i-00000000000000001', State: { Name: 'running' } }] }],
  }),
  KilnDescribeHostNames: () => ({
    Address: '127.80.0.2',
    Port: 5300,
    Zones: [
      {
        Name: 'kiln',
        Records: [
          { Name: 'web.kiln', Type: 'A', Values: ['127.80.0.10'] },
          { Name: 'db.kiln', Type: 'A', Values: [] },
        ],
      },
      { Name: 'lab.internal', Records: [] },
      { Name: 'ec2-127-80-0-10.compute-1.amazonaws.com', Records: [] },
      { Name: '10.0.80.127.in-addr.arpa', Records: [] },
    ],
  }),
}

test('lists what this host is answered, and where', async () => {
  const { out, err } = await runAgainst(zones, ['dns', 'ls'])
  expect(out).toMatchInlineSnapshot(`
    "NAME      TYPE  ANSWER
    web.kiln  A     127.80.0.10
    db.kiln   A     no public address
    "
  `)
  expect(err).toContain('127.80.0.2, port 5300')
})

test('prints what makes a resolver ask, for its domains alone', async () => {
  expect((await runAgainst(zones, ['dns', 'hint'])).out).toMatchInlineSnapshot(`
    "# /etc/systemd/resolved.conf.d/kiln.conf, then: sudo systemctl restart systemd-resolved (246 or later)
    [Resolve]
    DNS=127.80.0.2:5300
    Domains=~kiln ~lab.internal

    # /etc/NetworkManager/dnsmasq.d/kiln.conf, where NetworkManager.conf says dns=dnsmasq; then: sudo systemctl restart NetworkManager
    server=/kiln/127.80.0.2#5300
    rebind-domain-ok=/kiln/
    server=/lab.internal/127.80.0.2#5300
    rebind-domain-ok=/lab.internal/

    # /etc/dnsmasq.d/kiln.conf, then: sudo systemctl restart dnsmasq
    server=/kiln/127.80.0.2#5300
    rebind-domain-ok=/kiln/
    server=/lab.internal/127.80.0.2#5300
    rebind-domain-ok=/lab.internal/
    "
  `)
  expect((await runAgainst(zones, ['dns', 'hint', 'dnsmasq'])).out).not.toContain('[Resolve]')
  expect(await runAgainst(zones, ['dns', 'hint', 'bind'])).toMatchObject({ code: 1 })
  const silent = { KilnDescribeHostNames: () => ({ ...zones.KilnDescribeHostNames(), Problem: 'it is taken' }) }
  expect((await runAgainst(silent, ['dns', 'hint'])).err).toContain('it is taken')
})

test('makes a zone in the default VPC unless told otherwise', async () => {
  const asked: unknown[] = []
  const answers = {
    ...zones,
    KilnCreateDnsZone: (input: object) => {
      asked.push(input)
      return { Zone: { ZoneId: 'zone-4' } }
    },
  }
  expect((await runAgainst(answers, ['dns', 'zone', 'create', 'a.internal'])).out).toBe('zone-4\n')
  await runAgainst(answers, ['dns', 'zone', 'create', 'a.internal', '--vpc', 'vpc-1', '--vpc', 'vpc-2'])
  expect(asked).toEqual([
    { Name: 'a.internal', VpcIds: ['vpc-9'] },
    { Name: 'a.internal', VpcIds: ['vpc-1', 'vpc-2'] },
  ])
})

test('sets and deletes records of a zone by its name or id', async () => {
  const asked: unknown[] = []
  const answers = {
    ...zones,
    KilnChangeDnsRecords: (input: object) => {
      asked.push(input)
      return { Records: [] }
    },
  }
  await runAgainst(answers, ['dns', 'record', 'set', 'Lab.Internal.', 'web', 'A', '10.0.0.5', '10.0.0.6', '--ttl', '9'])
  await runAgainst(answers, ['dns', 'record', 'set', 'zone-2', 'web', 'A', '--instance', 'web'])
  await runAgainst(answers, ['dns', 'record', 'rm', 'lab.internal', 'web', 'A'])
  expect(asked).toEqual([
    {
      ZoneId: 'zone-1',
      Changes: [{ Action: 'upsert', Name: 'web', Type: 'A', Values: ['10.0.0.5', '10.0.0.6'], Ttl: 9 }],
    },
    {
      ZoneId: 'zone-2',
      Changes: [{ Action: 'upsert', Name: 'web', Type: 'A', InstanceIds: ['i-00000000000000001'] }],
    },
    { ZoneId: 'zone-1', Changes: [{ Action: 'delete', Name: 'web', Type: 'A' }] },
  ])
  expect(await runAgainst(answers, ['dns', 'record', 'rm', 'twice.internal', 'web', 'A'])).toMatchObject({ code: 5 })
  expect(await runAgainst(answers, ['dns', 'zone', 'rm', 'no.internal'])).toMatchObject({ code: 4 })
})
