import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countingUserData, ownThingCount, readIdentities, type WarmImage, warmImage } from './fast-launch/warm-lab.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

const type = 't2.nano'
const isRoot = process.getuid?.() === 0

describe.each(isRoot ? ['an ordinary user', 'root'] : ['an ordinary user'])('as %s', (who) => {
  let lab: Lab
  let servers: Servers
  let image: WarmImage
  let template: string

  beforeAll(async () => {
    lab = await openLab(isRoot && who !== 'root' ? ordinaryUser : undefined, {
      // More may be promised than the host has: most of the machines do nothing.
      configuration: 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n',
    })
    await lab.startDaemon()
    image = warmImage(lab, await provideImage(lab, 'nano'))
    servers = await prepareServers(lab)
    await image.warm(type)
    template = await image.waitForTemplate(type)
  })
  afterAll(async () => expect(await lab.close()).toEqual([]))

  const terminate = async (ids: readonly string[]) => {
    await lab.call('TerminateInstances', { InstanceIds: [...ids] })
    await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
  }
  const launchMany = async (count: number, more: Parameters<Servers['launch']>[1] = {}) => {
    const ids = await servers.launch(image.imageId, { MinCount: count, MaxCount: count, ...more })
    await Promise.all(ids.map((id) => servers.waitForStage(id, 'cloud-init')))
    return ids
  }

  // What is root's way of it shows in few.
  const count = who === 'root' ? 3 : 10

  test(`${count} servers go on from one template, and no two have anything of their own in common`, async () => {
    const ids = await launchMany(count, { UserData: countingUserData })
    for (const id of ids) expect(await image.wayOf(id)).toBe(template)
    const identities = await readIdentities(servers, ids)
    // The user data has run once in each: every line is there, and none twice.
    expect(identities.map((own) => own.length)).toEqual(ids.map(() => ownThingCount))
    for (let thing = 0; thing < ownThingCount; thing++) {
      expect(new Set(identities.map((own) => own[thing])).size).toBe(ids.length)
    }
    for (const [index, id] of ids.entries()) {
      const { PrivateIpAddress: address = '', NetworkInterfaces: [own] = [] } = await servers.describe(id)
      const [, , hostname, mac, ip, , ran, , told] = identities[index] ?? []
      expect([hostname, mac, ip]).toEqual([`ip-${address.replaceAll('.', '-')}`, own?.MacAddress, `${address}/20`])
      expect([ran, told]).toEqual([id, id])
    }
    await terminate(ids)
  })

  test('a clone reads from its disk what is in its memory, and has the devices that it was launched with', async () => {
    const [id = ''] = await launchMany(1, {
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 3 } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1 } },
      ],
    })
    expect(await image.wayOf(id)).toBe(template)
    const sums = 'cd / && sudo find bin etc lib sbin usr var/lib -xdev -type f -exec md5sum {} + | sort | md5sum'
    const fromMemory = await servers.run(id, sums)
    await servers.run(id, 'sync; echo 3 | sudo tee /proc/sys/vm/drop_caches >/dev/null')
    expect(await servers.run(id, sums)).toBe(fromMemory)
    await until(
      async () => (await servers.run(id, 'cat /sys/block/vdb/size 2>/dev/null || echo 0')).trim() === '2097152',
    )
    expect((await servers.run(id, 'cat /sys/block/vda/size')).trim()).toBe(String(3 * 2 ** 21))
    await until(async () => Number((await servers.run(id, "df -m / | awk 'END {print $2}'")).trim()) > 2800)
    // Its firmware and its kernel come up as those of any server, and it is the same server.
    const before = await readOwn(id)
    await lab.call('RebootInstances', { InstanceIds: [id] })
    await until(async () => (await bootIdOf(id).catch(() => before[0])) !== before[0])
    expect((await readOwn(id)).slice(1)).toEqual(before.slice(1))
    await terminate([id])
  })

  test('the next launch gets the names and the machine that were made ready for it, and is a server of its own', async () => {
    const first = await launchMany(1, { UserData: countingUserData })
    const waiting = await image.waitForPooled()
    const second = await launchMany(3, { UserData: countingUserData })
    expect(second).toContain(waiting)
    const ids = [...first, ...second]
    for (const id of ids) expect(await image.wayOf(id)).toBe(template)
    const identities = await readIdentities(servers, ids)
    expect(identities.map((own) => own.length)).toEqual(ids.map(() => ownThingCount))
    for (let thing = 0; thing < ownThingCount; thing++) {
      expect(new Set(identities.map((own) => own[thing])).size).toBe(ids.length)
    }
    // A launch that asks for another machine has the names, and a machine of its own.
    const next = await image.waitForPooled()
    const larger = await launchMany(1, {
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8, Iops: 4000, VolumeType: 'gp3' } }],
    })
    expect(larger).toEqual([next])
    expect(await image.wayOf(next)).toBe(template)
    expect(await servers.run(next, 'hostname')).toBe(
      `ip-${(await servers.describe(next)).PrivateIpAddress?.replaceAll('.', '-')}`,
    )
    await terminate([...ids, ...larger])
  })

  const bootIdOf = async (id: string) => (await servers.run(id, 'cat /proc/sys/kernel/random/boot_id')).trim()
  const readOwn = async (id: string) =>
    (
      await servers.run(
        id,
        'cat /proc/sys/kernel/random/boot_id /etc/machine-id; hostname; sudo dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh',
      )
    )
      .trim()
      .split('\n')

  test('what a template does not fit boots, and says why', async () => {
    const ids = await launchMany(1)
    const waiting = await image.waitForPooled()
    const [slow = ''] = await servers.launch(image.imageId, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'kiln:fast-launch', Value: 'off' }] }],
    })
    const [other = ''] = await servers.launch(image.imageId, { InstanceType: 't2.micro' })
    // The names of what was made ready are its own all the same.
    expect(slow).toBe(waiting)
    for (const id of [slow, other]) await servers.waitForState(id, 'running')
    expect(await image.wayOf(slow)).toBe('booted its tag kiln:fast-launch says so')
    expect(await image.wayOf(other)).toContain('no warm template for t2.micro yet')
    await terminate([...ids, slow, other])
    // The next launch of that type has one.
    await image.waitForTemplate('t2.micro')
  })
})
