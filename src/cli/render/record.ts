import type { Section } from './sections.ts'

/** Any of EC2's records: its plain members first, each structure and list below a title of its own. */
export function describeRecord(kind: string, record: object): Section[] {
  const entries = Object.entries(record)
  const isPlain = (value: unknown) => value === null || typeof value !== 'object'
  return [
    {
      title: `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`,
      rows: entries.filter(([, value]) => isPlain(value)).map(([name, value]) => [name, String(value)]),
    },
    ...entries
      .filter(([, value]) => !isPlain(value))
      .map(([name, value]): Section => ({ title: name, rows: flatten(value, '') })),
  ]
}

/** Leaves with their paths, such as `0.Ebs.SnapshotId`; tags by their keys. */
function flatten(value: unknown, path: string): [string, string][] {
  if (value === null || typeof value !== 'object') return [[path, String(value)]]
  if ('Key' in value && 'Value' in value) return [[String(value.Key), String(value.Value)]]
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, path === '' ? name : `${path}.${name}`))
}
