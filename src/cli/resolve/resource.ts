import type { Snapshot, Subnet, Volume, Vpc } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { type ImageRecord, resolveImage } from './image.ts'
import { type InstanceRecord, resolveInstance } from './instance.ts'
import { resolveKeyPair } from './key-pair.ts'
import { type GroupRecord, resolveGroup } from './security-group.ts'

/** What `kiln describe` can show, as EC2 describes it. */
export type Resource =
  | { readonly kind: 'instance'; readonly record: InstanceRecord }
  | { readonly kind: 'image'; readonly record: ImageRecord }
  | { readonly kind: 'group'; readonly record: GroupRecord }
  | { readonly kind: 'key pair'; readonly record: Awaited<ReturnType<typeof resolveKeyPair>> }
  | { readonly kind: 'volume'; readonly record: Jsonified<Volume> }
  | { readonly kind: 'snapshot'; readonly record: Jsonified<Snapshot> }
  | { readonly kind: 'VPC'; readonly record: Jsonified<Vpc> }
  | { readonly kind: 'subnet'; readonly record: Jsonified<Subnet> }

type Finder = (client: KilnClient, name: string) => Promise<Resource | undefined>

const findInstance: Finder = async (client, name) => ({
  kind: 'instance',
  record: await resolveInstance(client, name),
})
const findImage: Finder = async (client, name) => ({ kind: 'image', record: await resolveImage(client, name) })
const findGroup: Finder = async (client, name) => ({ kind: 'group', record: await resolveGroup(client, name) })
const findKeyPair: Finder = async (client, name) => ({ kind: 'key pair', record: await resolveKeyPair(client, name) })

/** By the prefix of an id. */
const byId: Readonly<Record<string, Finder>> = {
  i: findInstance,
  ami: findImage,
  sg: findGroup,
  key: findKeyPair,
  vol: async (client, id) => {
    const [record] = (await client.call('DescribeVolumes', { VolumeIds: [id] })).Volumes ?? []
    return record && { kind: 'volume', record }
  },
  snap: async (client, id) => {
    const [record] = (await client.call('DescribeSnapshots', { SnapshotIds: [id] })).Snapshots ?? []
    return record && { kind: 'snapshot', record }
  },
  vpc: async (client, id) => {
    const [record] = (await client.call('DescribeVpcs', { VpcIds: [id] })).Vpcs ?? []
    return record && { kind: 'VPC', record }
  },
  subnet: async (client, id) => {
    const [record] = (await client.call('DescribeSubnets', { SubnetIds: [id] })).Subnets ?? []
    return record && { kind: 'subnet', record }
  },
}

/** The resource of an id, or of a name: an instance's first, then an image's, a security group's, a key pair's. */
export async function resolveResource(client: KilnClient, name: string): Promise<Resource> {
  const prefix = /^([a-z]+)-[0-9a-f]{8,17}$/.exec(name)?.[1]
  const finder = prefix === undefined ? undefined : byId[prefix]
  const finders = finder ? [finder] : [findInstance, findImage, findGroup, findKeyPair]
  for (const find of finders) {
    const found = await find(client, name).catch((error: unknown) => {
      const isMissing = error instanceof CliError && error.exitCode === exitCode.notFound
      if (!isMissing || finder) throw error
      return undefined
    })
    if (found) return found
  }
  throw new CliError(`There is no instance, image, security group or key pair ${name}.`, {
    exitCode: exitCode.notFound,
    hint: 'See what there is: kiln ls, kiln image ls, kiln sg ls, kiln key ls',
  })
}
