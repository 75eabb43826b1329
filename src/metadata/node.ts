/** A directory of the metadata service, a leaf's text, or what makes the text when it is asked for. */
export type MetadataNode = string | LazyText | { readonly [name: string]: MetadataNode }

type LazyText = () => string | Promise<string>

/** A directory. */
export type MetadataDirectory = Readonly<Record<string, MetadataNode>>

/** Whether a node is a leaf. */
export function isLeaf(node: MetadataNode): node is string | LazyText {
  return typeof node === 'string' || typeof node === 'function'
}

/** A leaf that lists something, a line each; none where there is nothing. */
export function listing(name: string, values: readonly string[] | undefined): MetadataDirectory {
  return values && values.length > 0 ? { [name]: values.join('\n') } : {}
}

/** A leaf that is there where it has a value. */
export function leaf(name: string, value: string | number | undefined): MetadataDirectory {
  return value === undefined ? {} : { [name]: String(value) }
}

/** Times in the metadata have seconds. */
export function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
