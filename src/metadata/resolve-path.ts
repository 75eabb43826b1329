import type { InstanceMetadata } from '../ec2/ports/metadata.ts'
import { type MetadataNode, metadataTree } from './metadata-tree.ts'

/** EC2's versions of the metadata, oldest first, as `/` lists them. */
export const metadataVersions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  '2011-01-01',
  '2011-05-01',
  '2012-01-12',
  '2014-02-25',
  '2014-11-05',
  '2015-10-20',
  '2016-04-19',
  '2016-06-30',
  '2016-09-02',
  '2018-03-28',
  '2018-08-17',
  '2018-09-24',
  '2019-10-01',
  '2020-10-27',
  '2021-01-03',
  '2021-03-23',
  '2021-07-15',
  '2022-09-24',
  '2024-04-11',
  'latest',
] as const

/**
 * The body of the answer for a path without its query; undefined when there is no such thing. Empty segments are dropped:
 * ec2-metadata asks with a double slash, botocore with one after a leaf, cloud-guest-utils with none after a directory.
 */
export function resolvePath(instance: InstanceMetadata, path: string): Buffer | undefined {
  const segments = splitPath(path)
  const [version, ...rest] = segments ?? []
  if (!segments) return undefined
  if (version === undefined) return Buffer.from(metadataVersions.join('\n'))
  if (!metadataVersions.some((known) => known === version)) return undefined
  let node: MetadataNode = metadataTree(instance)
  for (const name of rest) {
    if (typeof node === 'string' || Buffer.isBuffer(node) || !Object.hasOwn(node, name)) return undefined
    node = node[name] as MetadataNode
  }
  if (Buffer.isBuffer(node)) return node
  if (typeof node === 'string') return Buffer.from(node)
  return Buffer.from(listing(instance, node, rest))
}

function splitPath(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function listing(instance: InstanceMetadata, directory: Exclude<MetadataNode, string | Buffer>, at: string[]): string {
  // Only this directory lists something else than its names: the number and, after `=`, the name of the key pair.
  if (at.join('/') === 'meta-data/public-keys') return `0=${instance.publicKey?.name ?? ''}`
  const isTop = at.length === 0
  return Object.entries(directory)
    .map(([name, node]) => {
      const isDirectory = typeof node !== 'string' && !Buffer.isBuffer(node)
      // EC2 lists the top of a version without slashes: `dynamic`, `meta-data`, `user-data`.
      return isDirectory && !isTop ? `${name}/` : name
    })
    .join('\n')
}
