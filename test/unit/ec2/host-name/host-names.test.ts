import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readHostZones } from '../../../../src/ec2/host-name/host-names.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }

let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-host-names-'))
  store = openStore(join(directory, 'kiln.db'))
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

test("this host is not told of a VPC's IPv6 addresses, which it does not reach, but of those of elsewhere", () => {
  store.transaction(() => {
    const block = { id: 'vpc-cidr-assoc-1', cidr: 'fd12:3456:789a::/56' }
    store.vpcs.insert({ ...scope, id: 'vpc-1', cidr: '10.0.0.0/16', ipv6Cidrs: [block] } as never)
    store.dnsZones.insert({ ...scope, id: 'zone-1', name: 'lab.internal', vpcIds: ['vpc-1'] })
    store.dnsRecords.insert({
      ...{ ...scope, id: 'r-1', zoneId: 'zone-1', name: 'web.lab.internal', type: 'AAAA', ttl: 60 },
      values: ['fd12:3456:789a:1::5', '2001:db8::5'],
    } as never)
  })
  const zones = readHostZones({ store, accountId: scope.accountId, defaultRegion: scope.region })
  expect(zones.find(({ name }) => name === 'lab.internal')?.records).toMatchObject([
    { name: 'web.lab.internal', type: 'AAAA', values: ['2001:db8::5'] },
  ])
})
