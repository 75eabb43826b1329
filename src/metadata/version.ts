import { isLeaf, type MetadataDirectory, type MetadataNode } from './node.ts'

/** Versions that EC2 lists; `latest` is the last. */
export const metadataVersions: readonly string[] = [
  ...['1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01'],
  ...['2009-04-04', '2011-01-01', '2011-05-01', '2012-01-12', '2014-02-25', '2014-11-05', '2015-10-20', '2016-04-19'],
  ...['2016-06-30', '2016-09-02', '2018-03-28', '2018-08-17', '2018-09-24', '2019-10-01', '2020-10-27', '2021-01-03'],
  ...['2021-03-23', '2021-07-15', '2022-07-09', '2022-09-24', '2024-04-11', 'latest'],
]

/**
 * The version that each category came with ("Version when category was released" of EC2's page on the categories); what is not named came
 * with its directory, and a directory that is not named with the first version. `*` stands for any MAC address.
 */
const releases: Readonly<Record<string, string>> = {
  dynamic: '2009-04-04',
  'meta-data/ancestor-ami-ids': '2007-10-10',
  'meta-data/block-device-mapping': '2007-12-15',
  'meta-data/events/maintenance': '2018-08-17',
  'meta-data/events/recommendations': '2020-10-27',
  // Not documented: hibernation and Instance Connect came at these times.
  'meta-data/hibernation': '2018-11-28',
  'meta-data/managed-ssh-keys': '2019-06-27',
  'meta-data/iam': '2012-01-12',
  'meta-data/identity-credentials': '2018-05-23',
  'meta-data/instance-action': '2008-09-01',
  'meta-data/instance-life-cycle': '2019-10-01',
  'meta-data/instance-type': '2007-08-29',
  'meta-data/ipv6': '2021-01-03',
  'meta-data/local-hostname': '2007-01-19',
  'meta-data/mac': '2011-01-01',
  'meta-data/network': '2011-01-01',
  'meta-data/network/interfaces/macs/*/ipv6s': '2016-06-30',
  'meta-data/network/interfaces/macs/*/network-card': '2020-11-01',
  'meta-data/network/interfaces/macs/*/subnet-ipv6-cidr-blocks': '2016-06-30',
  'meta-data/network/interfaces/macs/*/vpc-ipv4-cidr-blocks': '2016-06-30',
  'meta-data/network/interfaces/macs/*/vpc-ipv6-cidr-blocks': '2016-06-30',
  'meta-data/placement': '2008-02-01',
  'meta-data/placement/availability-zone-id': '2019-10-01',
  'meta-data/placement/group-name': '2020-08-24',
  'meta-data/placement/partition-number': '2020-08-24',
  'meta-data/placement/region': '2020-08-24',
  'meta-data/product-codes': '2007-03-01',
  'meta-data/public-hostname': '2007-01-19',
  'meta-data/public-ipv4': '2007-01-19',
  'meta-data/services': '2014-02-25',
  'meta-data/services/partition': '2015-10-20',
  'meta-data/spot/instance-action': '2016-11-15',
  'meta-data/spot/termination-time': '2014-11-05',
  'meta-data/system': '2022-09-24',
  'meta-data/tags': '2021-03-23',
}

/** A tree as an older version has it: without what came later, and without directories that would be empty. Pure. */
export function asOfVersion(tree: MetadataDirectory, version: string): MetadataDirectory {
  return version === 'latest' ? tree : prune(tree, '', '1.0', version)
}

function prune(directory: MetadataDirectory, path: string, release: string, version: string): MetadataDirectory {
  const kept: [string, MetadataNode][] = []
  for (const [name, node] of Object.entries(directory)) {
    const inner = path.endsWith('/macs') ? `${path}/*` : path === '' ? name : `${path}/${name}`
    const innerRelease = releases[inner] ?? release
    if (isLeaf(node)) {
      if (innerRelease <= version) kept.push([name, node])
      continue
    }
    const innerDirectory = prune(node, inner, innerRelease, version)
    if (Object.keys(innerDirectory).length > 0) kept.push([name, innerDirectory])
  }
  return Object.fromEntries(kept)
}
