import { describe, expect, test } from 'vitest'
import type { Observed } from '../../../src/manifest/observed.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { built, facts, labOf, lines, manifest, nothing } from './shop-lab.ts'

describe('DNS zones', () => {
  const withZone = `${manifest}dnsZones:
  shop.internal:
    records:
      - { name: web, instance: web }
      - { name: Db.shop.internal., instance: [db], ttl: 5 }
      - { name: www, type: CNAME, values: [web.shop.internal] }
`
  const zone: Observed['zones'][number] = {
    ZoneId: 'zone-1',
    Name: 'shop.internal',
    VpcIds: ['vpc-1'],
    RecordCount: 3,
    Source: 'lab shop',
    Records: [
      { Name: 'web.shop.internal', Type: 'A', Ttl: 60, Values: [], InstanceIds: ['i-web1', 'i-web0'] },
      { Name: 'db.shop.internal', Type: 'A', Ttl: 5, Values: [], InstanceIds: ['i-db0'] },
      { Name: 'www.shop.internal', Type: 'CNAME', Ttl: 300, Values: ['web.shop.internal'] },
    ],
  }

  test('are made with records once their instances are there, and left alone when they are right', async () => {
    const lab = await labOf(withZone)
    const plan = planUp(lab, nothing, facts)
    const work = plan.operations.filter(({ kind }) => ['create-zone', 'change-records'].includes(kind))
    expect(work).toMatchObject([
      { kind: 'create-zone', name: 'shop.internal' },
      {
        kind: 'change-records',
        changes: [
          { name: 'web.shop.internal', instances: ['instances.web[0]', 'instances.web[1]'], ttl: 60 },
          { name: 'db.shop.internal', instances: ['instances.db[0]'], ttl: 5 },
          { name: 'www.shop.internal', type: 'CNAME', values: ['web.shop.internal'], ttl: 300 },
        ],
        after: [
          'create DNS zone shop.internal',
          'launch instances.web[0]',
          'launch instances.web[1]',
          'launch instances.db[0]',
        ],
      },
    ])
    expect(planUp(lab, { ...built, zones: [zone] }, facts)).toMatchObject({ changes: [], operations: [] })
  })

  test('change in place by what differs alone, and go with the lab', async () => {
    const records = [
      ...zone.Records.slice(1),
      { Name: 'old.shop.internal', Type: 'A' as const, Ttl: 300, Values: ['10.0.0.1'] },
    ]
    const plan = planUp(await labOf(withZone), { ...built, zones: [{ ...zone, Records: records }] }, facts)
    expect(lines(plan)).toEqual([
      'update dnsZones.shop.internal',
      '  web.shop.internal A: → web (60 s)',
      '  old.shop.internal A: 10.0.0.1 (300 s) →',
    ])
    expect(plan.operations).toMatchObject([
      {
        changes: [
          { action: 'delete', name: 'old.shop.internal' },
          { action: 'upsert', name: 'web.shop.internal' },
        ],
      },
    ])
    const down = planDown(await labOf(withZone), { ...built, zones: [zone] }, { images: false })
    expect(down.operations).toContainEqual(expect.objectContaining({ kind: 'delete-zone', zoneId: 'zone-1' }))
  })
})
