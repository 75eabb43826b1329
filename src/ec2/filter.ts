import { Ec2Error, invalidParameterValue } from './errors.ts'
import { compileGlob, matchesGlob, plainTextOf } from './glob.ts'
import type { Candidates, Tag } from './ports/store.ts'

/** A filter as clients send it. */
export interface Filter {
  readonly Name?: string | undefined
  readonly Values?: readonly string[] | undefined
}

/** What a filter looks at: the values of one record, in EC2's spelling. */
export type FilterValue = string | number | boolean | undefined
export type FilterReader<T> = (record: T) => FilterValue | readonly FilterValue[]

/** A filter whose plain values an index answers, so that the records which pass need not be searched for among all. */
export interface IndexedFilter<T> {
  readonly read: FilterReader<T>
  /**
   * The member that holds just the filter's value, a text, declared for the collection in src/store/store.ts (`vpcId`, `groupIds[]`); `id`
   * needs no declaration. Or a function that gives, for values without wildcards, where records that may pass are found.
   */
  readonly index: string | ((values: readonly string[]) => Candidates)
}

/** The documented filters of a Describe operation, by name. */
export type FilterTable<T> = Readonly<Record<string, FilterReader<T> | IndexedFilter<T>>>

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
  return records.filter(compileFilters(filters, set))
}

/** The same as a test of one record, for those who read records in pieces. */
export function compileFilters<T>(filters: readonly Filter[] | undefined, set: FilterSet<T>): (record: T) => boolean {
  const tests = (filters ?? []).map((filter) => compileFilter(filter, set))
  return (record) => tests.every((test) => test(record))
}

/** Where an index finds the records that may pass: one entry for each filter that it can answer. */
export function candidatesOf<T>(filters: readonly Filter[] | undefined, set: FilterSet<T>): Candidates[] {
  return (filters ?? []).flatMap(({ Name: name = '', Values: values = [] }): Candidates[] => {
    const texts = values.flatMap((value) => plainTextOf(compileGlob(value)) ?? [])
    const arePlain = texts.length === values.length
    if (set.tagsOf && name.startsWith('tag:')) {
      const keys = [name.slice('tag:'.length)]
      return [arePlain ? { kind: 'tag', keys, values: texts } : { kind: 'tag', keys, test: compileValues(values) }]
    }
    if (!arePlain) return []
    if (set.tagsOf && name === 'tag-key') return [{ kind: 'tag', keys: texts }]
    const entry = Object.hasOwn(set.table, name) ? set.table[name] : undefined
    if (entry === undefined || typeof entry === 'function') return []
    const { index } = entry
    if (typeof index === 'function') return [index(texts)]
    return [index === 'id' ? { kind: 'ids', ids: texts } : { kind: 'member', index, values: texts }]
  })
}

function compileFilter<T>(filter: Filter, set: FilterSet<T>): (record: T) => boolean {
  const name = filter.Name ?? ''
  const values = filter.Values ?? []
  if (name === '') throw new Ec2Error('InvalidParameterValue', 'The filter has no name')
  if (values.length > maximumValues) {
    throw new Ec2Error('FilterLimitExceeded', `The maximum number of filter values is ${maximumValues}`)
  }
  const read = readerOf(name, set)
  const matches = compileValues(values)
  return (record) => {
    const present = read(record)
    const candidates = Array.isArray(present) ? present : [present]
    return candidates.some((candidate: FilterValue) => candidate !== undefined && matches(String(candidate)))
  }
}

/** Whether a text is one of the values, or fits one with wildcards. */
function compileValues(values: readonly string[]): (text: string) => boolean {
  const globs = values.map(compileGlob)
  const texts = new Set(globs.map(plainTextOf))
  const patterns = globs.filter((glob) => plainTextOf(glob) === undefined)
  return (text) => texts.has(text) || patterns.some((pattern) => matchesGlob(pattern, text))
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
  const entry = Object.hasOwn(table, name) ? table[name] : undefined
  if (entry === undefined) throw invalidParameterValue('Filter', name, `The filter '${name}' is invalid`)
  return typeof entry === 'function' ? entry : entry.read
}
