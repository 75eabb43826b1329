import { expect, test } from 'vitest'
import { ensureAccessKey } from '../../../src/ec2/access/access-key.ts'
import { systemRandom as random } from '../../../src/host/random.ts'
import { startDockerRegistry } from './docker-registry.ts'
import { job, openRegistryBench, type RegistryBench, scope } from './registry-bench.ts'

const ownerId = scope.accountId
const elsewhere = { accountId: '210987654321', region: 'us-east-1' }

function makePublic(bench: RegistryBench, imageId: string): void {
  const sharing = { region: scope.region, accountIds: [], isPublic: true }
  bench.store.transaction(() => bench.store.images.replace({ ...bench.findImage(imageId), sharing }))
}

test.each([true, false])(
  'an image goes to another Kiln as a public AMI of its publisher, and is taken back (the registry deletes: %s)',
  async (canDelete) => {
    const registry = await startDockerRegistry({ canDelete })
    try {
      const place = `${registry.host}/kiln`
      const [publisher, user] = [await openRegistryBench({ place }), await openRegistryBench({ place })]
      const publish = (imageId: string) => publisher.community.publish(scope, imageId, undefined, job())
      const list = (query?: string) => user.community.list(query, job().signal)
      const pull = (name: string) => user.community.pull(elsewhere, { name }, job())

      const image = await publisher.makeImage("web [it's]/1", { randomMib: 1 })
      await expect(publish(image.id)).rejects.toMatchObject({ code: 'OperationNotPermitted' })
      makePublic(publisher, image.id)
      await publish(image.id)

      const [found, ...others] = await list('IT')
      expect(others).toEqual([])
      expect(found).toMatchObject({ name: image.name, ownerId, architecture: 'x86_64' })
      expect(await list('nothing of that kind')).toEqual([])
      // Its publisher has it already.
      expect(found && publisher.community.findHere(scope, found)?.id).toBe(image.id)

      const pulled = user.findImage((await pull(image.name)).imageId)
      expect(pulled).toMatchObject({ name: image.name, accountId: ownerId, sharing: { isPublic: true } })
      expect(await user.contentOf(pulled.id)).toBe(await publisher.contentOf(image.id))
      expect(found && user.community.findHere(elsewhere, found)?.id).toBe(pulled.id)
      expect(await pull(image.name)).toMatchObject({ imageId: pulled.id, note: expect.stringMatching(/nothing was/) })

      await publisher.community.unpublish(scope, image.name, job().signal)
      expect(await list()).toEqual([])
      await expect(pull(image.name)).rejects.toMatchObject({ code: 'CommunityImageNotFound' })
      await expect(publisher.community.unpublish(scope, image.name, job().signal)).rejects.toMatchObject({
        code: 'CommunityImageNotFound',
      })
      expect(user.findImage(pulled.id).state).toBe('available')
      // Published again, it is there again.
      await publish(image.id)
      expect(await list()).toHaveLength(1)
    } finally {
      await registry.close()
    }
  },
)

test('what says that it is of an account of this Kiln needs a signature; a name that several have needs an owner', async () => {
  const registry = await startDockerRegistry()
  try {
    const place = registry.host
    const [publisher, user] = [await openRegistryBench({ place }), await openRegistryBench({ place })]
    const image = await publisher.makeImage('web', { randomMib: 1 })
    makePublic(publisher, image.id)
    await publisher.community.publish(scope, image.id, undefined, job())
    ensureAccessKey({ store: user.store, random }, ownerId, new Date())
    await expect(user.community.pull(elsewhere, { name: 'web' }, job())).rejects.toMatchObject({
      code: 'CommunityOwnerNotProven',
    })
    expect(await user.leftovers()).toEqual({ layers: [], records: 0, images: 0 })

    publisher.store.transaction(() =>
      publisher.store.images.replace({ ...publisher.findImage(image.id), accountId: elsewhere.accountId }),
    )
    await publisher.community.publish(elsewhere, image.id, undefined, job())
    await expect(user.community.pull(scope, { name: 'web' }, job())).rejects.toThrow(
      `Say which one: community/${ownerId}/web, community/${elsewhere.accountId}/web.`,
    )
    const { imageId } = await user.community.pull(scope, { name: 'web', ownerId: elsewhere.accountId }, job())
    expect(user.findImage(imageId).accountId).toBe(elsewhere.accountId)
  } finally {
    await registry.close()
  }
})

test('without a community registry, says what to configure', async () => {
  const bench = await openRegistryBench()
  await expect(bench.community.list(undefined, job().signal)).rejects.toMatchObject({ code: 'CommunityNotConfigured' })
})
