import type { KilnClient } from '../client.ts'
import { listInstances, nameOf } from '../resolve/instance.ts'
import { listInstanceTypes } from '../resolve/instance-type.ts'
import { listGroups } from '../resolve/security-group.ts'
import type { NameLister } from './candidates.ts'

type Lister = (client: KilnClient) => Promise<(string | undefined)[]>

const instances: Lister = async (client) =>
  (await listInstances(client))
    .filter((instance) => instance.State?.Name !== 'terminated')
    .flatMap((instance) => [nameOf(instance), instance.InstanceId])
const images: Lister = async (client) =>
  ((await client.call('DescribeImages', {})).Images ?? []).flatMap(({ Name, ImageId }) => [Name, ImageId])
const keys: Lister = async (client) =>
  ((await client.call('DescribeKeyPairs', {})).KeyPairs ?? []).map(({ KeyName }) => KeyName)
const groups: Lister = async (client) =>
  (await listGroups(client)).flatMap(({ GroupName, GroupId }) => [GroupName, GroupId])

/** By what arguments and option values are called in the commands' help. */
const listers: Readonly<Record<string, Lister>> = {
  instance: instances,
  image: images,
  key: keys,
  group: groups,
  type: async (client) => (await listInstanceTypes(client)).map(({ InstanceType }) => InstanceType),
  recipe: async (client) => (await client.call('KilnDescribeRecipes', {})).Recipes.map(({ Name }) => Name),
  pipeline: async (client) => (await client.call('KilnDescribePipelines', {})).Pipelines.map(({ Name }) => Name),
  resource: async (client) => (await Promise.all([instances, images, keys, groups].map((list) => list(client)))).flat(),
}

/** Names that the shells can take as one word; none when the daemon does not answer. */
export function createNameLister(client: KilnClient): NameLister {
  return async (kind) => {
    const list = Object.hasOwn(listers, kind) ? listers[kind] : undefined
    const names = list ? await list(client).catch(() => []) : []
    return names.filter((name) => name !== undefined && /^[A-Za-z0-9_.@+-]+$/.test(name)) as string[]
  }
}
