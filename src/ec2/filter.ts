import { Ec2Error, invalidParameterValue } from './errors.ts'
import { compileGlob, matchesGlob } from './glob.ts'
import type { Tag } from './ports/store.ts'

/** A filter as clients send it. */
export interface Filter {
  readonly Name?: string | undefined
  readonly Values?: readonly string[] | undefined
}

/** What a filter looks at: the values of one record, in EC2's spelling. */
export type FilterValue = string | number | boolean | undefined
export type FilterReader<T> = (record: T) => FilterValue | readonly FilterValue[]

/** The documented filters of a Describe operation, by name. */
export type FilterTable<T> = Readonly<Record<string, FilterReader<T>>>

/** All filters of one Describe operation. */
export interface FilterSet<T> {
  /** As documentation has them; `tag:KEY` stands for one filter a key. */
  readonly names: readonly string[]
  readonly table: FilterTable<T>
  readonly tagsOf?: (record: T) => readonly Tag[]
}

/** With `tagsOf`, `tag:KEY` and `tag-key` are understood besides the table's. */
export function defineFilters<T>(table: FilterTable<T>, tagsOf?: (record: T) => readonly Tag[]): FilterSet<T> {
  const names = [...Object.keys(table), ...(tagsOf ? ['tag:KEY', 'tag-key'] : [])].sort()
  return { names, table, ...(tagsOf ? { tagsOf } : {}) }
}

const maximumValues = 200

/**
 * The records that pass all filters; a filter passes when any of its values matches any value of the record. `*` stands for any
 * text, `?` for one character, a backslash takes their meaning away ("List and filter using the CLI and API"). Throws
 * InvalidParameterValue for an unknown filter.
 */
export function applyFilters<T>(records: readonly T[], filters: readonly Filter[] | undefined, set: FilterSet<T>): T[] {
  if (!filters || filters.length === 0) return [...records]
  const tests = filters.map((filter) => compileFilter(filter, set))
  return records.filter((record) => tests.every((test) => test(record)))
}

function compileFilter<T>(filter: Filter, set: FilterSet<T>): (record: T) => boolean {
  const name = filter.Name ?? ''
  const values = filter.Values ?? []
  if (name === '') throw new Ec2Error('InvalidParameterValue', 'The filter has no name')
  if (values.length > maximumValues) {
    throw new Ec2Error('FilterLimitExceeded', `The maximum number of filter values is ${maximumValues}`)
  }
  const read = readerOf(name, set)
  const patterns = values.map(compileGlob)
  return (record) => {
    const present = read(record)
    const candidates = Array.isArray(present) ? present : [present]
    return candidates.some(
      (candidate: FilterValue) =>
        candidate !== undefined && patterns.some((pattern) => matchesGlob(pattern, String(candidate))),
    )
  }
}

function readerOf<T>(name: string, { table, tagsOf }: FilterSet<T>): FilterReader<T> {
  if (tagsOf && name.startsWith('tag:')) {
    const key = name.slice('tag:'.length)
    return (record) =>
      tagsOf(record)
        .filter((tag) => tag.key === key)
        .map((tag) => tag.value)
  }
  if (tagsOf && name === 'tag-key') return (record) => tagsOf(record).map((tag) => tag.key)
  if (!Object.hasOwn(table, name)) throw invalidParameterValue('Filter', name, `The filter '${name}' is invalid`)
  return table[name] as FilterReader<T>
}
