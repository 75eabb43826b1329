import { quantile } from './latency.ts'
import { formatMs } from '../bench/figure.ts'
import type { Kind } from './record-store.ts'
import { formOf, type SignedClient } from './signed-client.ts'

/** A list operation and the kind of record that it lists. */
export interface ListOperation extends Kind {
  readonly action: string
  /** A filter by name, for the operation that has no pages. */
  readonly hasNoPages?: true
}

/** The list operations whose records a bench can multiply. */
export const listOperations: readonly ListOperation[] = [
  { action: 'DescribeInstances', table: 'instance', resourceType: 'instance' },
  { action: 'DescribeInstanceStatus', table: 'instance', resourceType: 'instance' },
  { action: 'DescribeVolumes', table: 'volume', resourceType: 'volume' },
  { action: 'DescribeSnapshots', table: 'snapshot', resourceType: 'snapshot' },
  { action: 'DescribeImages', table: 'image', resourceType: 'image' },
  { action: 'DescribeSecurityGroups', table: 'security_group', resourceType: 'security-group' },
  { action: 'DescribeSubnets', table: 'subnet', resourceType: 'subnet' },
  { action: 'DescribeVpcs', table: 'vpc', resourceType: 'vpc' },
  { action: 'DescribeKeyPairs', table: 'key_pair', resourceType: 'key-pair', hasNoPages: true },
]

/** How a list is asked for. */
const ways = {
  'page of 100': { MaxResults: 100 },
  'ten by tag': { 'Filter.1.Name': 'tag:bench', 'Filter.1.Value.1': 'few' },
  'page of 100 by tag': { 'Filter.1.Name': 'tag:bench', 'Filter.1.Value.1': 'many', MaxResults: 100 },
} as const

const repeats = 15

/** Medians in milliseconds by what was asked. */
export async function measureLists(client: SignedClient): Promise<Map<string, number>> {
  const medians = new Map<string, number>()
  async function measure(name: string, parameters: string): Promise<void> {
    const times: number[] = []
    for (let index = 0; index < repeats; index++) times.push((await client.post(parameters)).ms)
    medians.set(name, quantile(times, 0.5))
  }
  for (const { action, hasNoPages } of listOperations) {
    for (const [way, parameters] of Object.entries(ways)) {
      if (action === 'DescribeInstanceStatus' && way !== 'page of 100') continue
      if (hasNoPages && 'MaxResults' in parameters) continue
      const all = action === 'DescribeInstanceStatus' ? { ...parameters, IncludeAllInstances: 'true' } : parameters
      await measure(`${action}, ${way}`, formOf(action, all))
    }
  }
  await measure('DescribeTags, page of 100', formOf('DescribeTags', { MaxResults: 100 }))
  const ofOne = { 'Filter.1.Name': 'value', 'Filter.1.Value.1': 'instance-50' }
  await measure('DescribeTags, by value', formOf('DescribeTags', ofOne))
  return medians
}

/** A row an operation, a column a size: milliseconds, and a bar whose length is the time. */
export function plotLists(measured: ReadonlyMap<number, ReadonlyMap<string, number>>): string {
  const sizes = [...measured.keys()]
  const names = [...(measured.values().next().value ?? new Map<string, number>()).keys()]
  const lines = names.flatMap((name) => {
    const values = sizes.map((size) => measured.get(size)?.get(name) ?? Number.NaN)
    const longest = Math.max(...values)
    return [
      name,
      ...values.map((ms, index) => {
        const bar = '█'.repeat(Math.max(1, Math.round((ms / longest) * 30)))
        return `  ${String(sizes[index]).padStart(7)}  ${bar.padEnd(30)}  ${formatMs(ms)} ms`
      }),
    ]
  })
  return ['```', ...lines, '```', ''].join('\n')
}
