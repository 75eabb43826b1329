import { expect, test } from 'vitest'
import { runAgainst } from './run-against.ts'

const web = { InstanceId: 'i-00000000000000001', State: { Name: 'running' }, Tags: [{ Key: 'Name', Value: 'web' }] }

/** Events 1 to 1500, a second apart, every other one of `web`. */
const daemon = {
  DescribeInstances: () => ({ Reservations: [{ Instances: [web] }] }),
  KilnDescribeEvents: ({ AfterEventNumber: after, MaxResults: size }: Record<string, unknown>) => ({
    Events: Array.from({ length: 1500 }, (_, index) => ({
      Number: index + 1,
      Time: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
      Kind: 'instance-state-change',
      ResourceId: index % 2 === 0 ? web.InstanceId : 'i-00000000000000002',
      Message: `event ${index + 1}`,
    }))
      .filter(({ Number }) => Number > (after as number))
      .slice(0, size as number),
  }),
}

test('shows the whole of a journal page by page', async () => {
  const { out, calls } = await runAgainst(daemon, ['events'])
  expect(out.trimEnd().split('\n')).toHaveLength(1500)
  expect(calls.map(({ input }) => input['AfterEventNumber'])).toEqual([0, 1000])
})

test('shows the last of those that are wanted', async () => {
  const { out } = await runAgainst(daemon, ['events', 'web', '--tail', '2'])
  expect(out).toMatchInlineSnapshot(`
    "2026-01-01 00:24:56  instance-state-change  i-00000000000000001  event 1497
    2026-01-01 00:24:58  instance-state-change  i-00000000000000001  event 1499
    "
  `)
  expect((await runAgainst(daemon, ['events', '--tail', '0'])).out).toBe('')
})

test('shows those since a time', async () => {
  const { out } = await runAgainst(daemon, ['events', '--since', '2026-01-01T00:24:58Z', '-o', 'json'])
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { Number: number }).Number),
  ).toEqual([1499, 1500])
})

test('prints a YAML document for each entry', async () => {
  const { out } = await runAgainst(daemon, ['events', '--tail', '1', '-o', 'yaml'])
  expect(out).toMatchInlineSnapshot(`
    "---
    Number: 1500
    Time: 2026-01-01T00:24:59.000Z
    Kind: instance-state-change
    ResourceId: i-00000000000000002
    Message: event 1500
    "
  `)
})
