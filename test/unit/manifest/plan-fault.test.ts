import { describe, expect, test } from 'vitest'
import type { FaultDescription } from '../../../src/api/kiln/fault.ts'
import type { Plan } from '../../../src/manifest/plan/plan.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { built, facts, labOf, manifest, nothing } from './shop-lab.ts'

describe('faults', () => {
  const withFaults = `${manifest}faults:
  slow: { kind: delay, on: [web], ms: 200, for: 2m }
  apart: { kind: partition, on: [web], from: [db] }
`
  const slow: FaultDescription = {
    FaultId: 'fault-1',
    Name: 'shop/slow',
    Kind: 'delay',
    Targets: ['i-web0', 'i-web1'],
    DelayMs: 200,
    StartedAt: '2026-01-01T00:00:00.000Z',
    EndsAt: '2026-01-01T00:02:00.000Z',
  }
  const apart: FaultDescription = {
    ...slow,
    FaultId: 'fault-2',
    Name: 'shop/apart',
    Kind: 'partition',
    Against: ['i-db0'],
  }
  const faultWork = ({ operations }: Plan) => operations.filter(({ kind }) => kind.endsWith('-fault'))

  test('begin when what they are on is there, and not again while they last', async () => {
    const { DelayMs: _delay, ...partition } = apart
    const lab = await labOf(withFaults)
    expect(faultWork(planUp(lab, built, facts))).toMatchObject([
      {
        kind: 'inject-fault',
        fault: { name: 'shop/slow', durationSeconds: 120, targets: ['instances.web[0]', 'instances.web[1]'] },
      },
      { kind: 'inject-fault', fault: { name: 'shop/apart', durationSeconds: 600, against: ['instances.db[0]'] } },
    ])
    const lasting = { ...built, faults: [slow, partition] }
    expect(planUp(lab, lasting, facts)).toMatchObject({ changes: [], operations: [] })
    const fromNothing = planUp(lab, nothing, facts)
    expect(faultWork(fromNothing)[0]?.after).toEqual(['launch instances.web[0]', 'launch instances.web[1]'])
  })

  test('give way to those that the manifest has by now, and go with the lab', async () => {
    const lab = await labOf(withFaults.replace('ms: 200', 'ms: 300').replace(/ {2}apart.*\n/, ''))
    const lasting = { ...built, faults: [slow, apart] }
    const plan = planUp(lab, lasting, facts)
    expect(plan.changes.map(({ address, action }) => `${action} ${address}`)).toEqual([
      'replace faults.slow',
      'delete faults.apart',
    ])
    expect(faultWork(plan).map(({ id }) => id)).toEqual(['clear fault-1', 'inject faults.slow', 'clear fault-2'])
    expect(faultWork(planDown(lab, lasting, { images: false }))).toMatchObject([
      { faultId: 'fault-1' },
      { faultId: 'fault-2' },
    ])
  })

  test('are on something that the manifest has', async () => {
    await expect(labOf(`${manifest}faults: { slow: { kind: delay, on: [wep], ms: 0 } }`)).rejects.toThrow(
      /no instance and no security group wep\..*web/,
    )
  })
})
