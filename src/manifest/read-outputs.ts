import type { OperationCaller } from '../api/contract.ts'
import { findImage } from './host-facts.ts'
import { instanceAddress, type Lab } from './lab.ts'
import type { KeyFiles } from './apply/workshop.ts'
import { type Observed, tagOf } from './observed.ts'
import { fillTemplate } from './output.ts'

/** The outputs of a lab with what is there now filled in. */
export async function readOutputs(
  { call, keyFiles }: { call: OperationCaller; keyFiles: KeyFiles },
  lab: Lab,
  observed: Observed,
): Promise<Record<string, string>> {
  const loginUsers = await readLoginUsers(call, lab, observed)
  const filled = [...lab.outputs].map(([name, template]) => [
    name,
    fillTemplate(template, ({ section, key, index, attribute }) => {
      switch (section) {
        case 'images': {
          const image = lab.images.get(key)
          return attribute === 'name' ? image?.name : image && findImage(observed, image)?.ImageId
        }
        case 'keyPairs': {
          const name = lab.keyPairs.get(key)?.name ?? ''
          if (attribute === 'keyName') return name
          if (attribute === 'privateKeyFile') return keyFiles.pathOf(name)
          return observed.keyPairs.find((record) => record.KeyName === name)?.KeyPairId
        }
        case 'securityGroups': {
          const name = lab.securityGroups.get(key)?.name
          return attribute === 'groupName'
            ? name
            : observed.securityGroups.find((record) => record.GroupName === name)?.GroupId
        }
        case 'instances':
          return instanceValue(observed, loginUsers, instanceAddress(key, index), attribute)
      }
    }),
  ])
  return Object.fromEntries(filled) as Record<string, string>
}

function instanceValue(
  observed: Observed,
  loginUsers: ReadonlyMap<string, string>,
  address: string,
  attribute: string,
): string | undefined {
  const record = observed.instances.find((instance) => instance.address === address)?.record
  if (!record) return undefined
  if (attribute === 'name') return tagOf(record, 'Name')
  if (attribute === 'loginUser') return loginUsers.get(record.InstanceId ?? '')
  const member = attribute.charAt(0).toUpperCase() + attribute.slice(1)
  const value =
    record[member as 'InstanceId' | 'ImageId' | 'InstanceType' | 'Ipv6Address' | 'PublicIpAddress' | 'PublicDnsName']
  return value ?? undefined
}

/** Asked for only when an output tells it. */
async function readLoginUsers(
  call: OperationCaller,
  lab: Lab,
  observed: Observed,
): Promise<ReadonlyMap<string, string>> {
  if (![...lab.outputs.values()].some((template) => template.includes('loginUser'))) return new Map()
  const users = observed.instances.map(async ({ record }): Promise<[string, string]> => {
    const id = record.InstanceId ?? ''
    return [id, (await call('KilnDescribeInstance', { InstanceId: id })).LoginUser]
  })
  return new Map(await Promise.all(users))
}
