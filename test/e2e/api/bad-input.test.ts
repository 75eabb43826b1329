import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ApiLab,
  launchOne,
  openApiLab,
  refusalOfSdk,
  refusalOfSocket,
  takeInventory,
  waitForState,
} from './api-lab.ts'
import { type LabFacts, sshFrom } from './bad-input/bad-input.ts'
import { badIds } from './bad-input/ids.ts'
import { badImages } from './bad-input/images.ts'
import { badInstanceCalls } from './bad-input/instances.ts'
import { badKeysAndTags } from './bad-input/keys-and-tags.ts'
import { badLaunches } from './bad-input/launches.ts'
import { badLists } from './bad-input/lists.ts'
import { badSecurityGroups } from './bad-input/security-groups.ts'

let api: ApiLab
let facts: LabFacts
let inventory: object

beforeAll(async () => {
  api = await openApiLab()
  const { lab } = api
  const stoppedId = await launchOne(api)
  await lab.call('StopInstances', { InstanceIds: [stoppedId], Force: true })
  await waitForState(api, stoppedId, 'stopped')
  await lab.aws('create-key-pair', '--key-name', 'taken', '--key-type', 'ed25519')
  const { GroupId: groupId = '' } = await lab.call('CreateSecurityGroup', { GroupName: 'taken', Description: 'd' })
  await lab.call('AuthorizeSecurityGroupIngress', { GroupId: groupId, IpPermissions: [sshFrom('10.0.0.0/8')] })
  facts = { imageId: api.imageId, snapshotId: api.snapshotId, stoppedId, groupId }
  inventory = await takeInventory(api)
})

afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

describe.each([
  ['ids', badIds],
  ['lists', badLists],
  ['launches', badLaunches],
  ['instances', badInstanceCalls],
  ['keys and tags', badKeysAndTags],
  ['security groups', badSecurityGroups],
  ['images', badImages],
])('bad input to %s', (_group, cases) => {
  test.each(cases)(
    "%s gets EC2's error from both front ends and changes nothing",
    async (_what, name, input, code, message) => {
      const told = await refusalOfSdk(api, name, input(facts))
      expect(told).toEqual({ code, message: expect.stringContaining(message) as string })
      const material = jsonOf(input(facts))
      const toldBySocket = await refusalOfSocket(api, name, material)
      expect(toldBySocket).toEqual({ code, message: expect.stringContaining(message) as string })
      expect(await takeInventory(api)).toEqual(inventory)
    },
  )
})

/** Bytes are base64 texts in JSON. */
function jsonOf(value: object): object {
  return JSON.parse(
    JSON.stringify(value, function replace(this: Record<string, unknown>, key: string, inner: unknown) {
      const original = this[key]
      return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : inner
    }),
  ) as object
}
