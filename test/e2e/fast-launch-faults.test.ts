import { chmod, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countingUserData, ownThingCount, readIdentities, type WarmImage, warmImage } from './fast-launch/warm-lab.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { createRandom } from './random.ts'
import { prepareServers, type Servers } from './servers.ts'

const type = 't2.nano'
const isRoot = process.getuid?.() === 0
/** More may be promised than the host has: most of the machines do nothing. */
const configuration = 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n'

/** `npm run test:faults` does everything as root too; else root does what is different for it, in fewer rounds. */
const isThorough = process.env['KILN_FAULT_ROUNDS'] !== undefined

describe.each(isRoot ? ['an ordinary user', 'root'] : ['an ordinary user'])('as %s', (who) => {
  const isBrief = who === 'root' && !isThorough
  const rounds = isThorough ? 4 : isBrief ? 2 : 3
  let lab: Lab
  let servers: Servers
  let image: WarmImage
  /** Where the daemon looks for programs first. */
  let programs: string
  const random = createRandom(process.env['KILN_TEST_SEED'])
  console.log(`the moments come from KILN_TEST_SEED=${random.seed}`)

  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), 'kiln-programs-'))
    await chmod(programs, 0o755)
    lab = await openLab(isRoot && who !== 'root' ? ordinaryUser : undefined, { configuration, programs })
    await lab.startDaemon()
    image = warmImage(lab, await provideImage(lab, 'nano'))
    servers = await prepareServers(lab)
  })
  afterAll(async () => {
    expect(await lab.close()).toEqual([])
    await rm(programs, { recursive: true })
  })

  const terminate = async (ids: readonly string[]) => {
    await lab.call('TerminateInstances', { InstanceIds: [...ids] })
    await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
  }
  const templates = async () => await readdir(join(lab.home, 'templates'))
  const isOff = async () => (await lab.call('DescribeFastLaunchImages', {})).FastLaunchImages?.length === 0
  const turnOff = async () => {
    await lab.call('DisableFastLaunch', { ImageId: image.imageId })
    await until(isOff)
  }
  /** Each is one of its own: what they say of themselves, of which no two have anything in common. */
  const expectOwnIdentities = async (ids: readonly string[]) => {
    const identities = await readIdentities(servers, ids)
    for (let thing = 0; thing < ownThingCount; thing++) {
      expect(new Set(identities.map((own) => own[thing])).size).toBe(ids.length)
    }
    return identities
  }
  /** Whatever came of it in the test before. */
  const turnOn = async () => {
    await image.warm(type)
    return await image.waitForTemplate(type)
  }
  const restartDaemon = async () => {
    await lab.killDaemon()
    await lab.startDaemon()
  }
  /** Ends a machine's QEMU as the kernel does that is out of memory. Answers whether there was one. */
  const killMachine = async (id: string) => {
    const pid = Number(await readFile(join(lab.home, 'machines', id, 'qemu.pid'), 'utf8').catch(() => ''))
    if (pid > 0) process.kill(pid, 'SIGKILL')
    return pid > 0
  }

  test('the daemon is killed while servers go on from a template: each comes up once, as one of its own', async () => {
    await turnOn()
    const ids: string[] = []
    for (let round = 0; round < rounds; round++) {
      ids.push(...(await servers.launch(image.imageId, { UserData: countingUserData })))
      await random.sleep(0, 500)
      await restartDaemon()
    }
    await Promise.all(ids.map((id) => servers.waitForStage(id, 'cloud-init')))
    // The user data has run once in each: every line is there, and none twice.
    const identities = await expectOwnIdentities(ids)
    expect(identities.map((own) => own.length)).toEqual(ids.map(() => ownThingCount))
    await terminate(ids)
  })

  test('the QEMU of a server is killed while it goes on: it boots instead, or is started again, as one of its own', async () => {
    const ids: string[] = []
    for (let round = 0; round < rounds; round++) {
      // A template whose memory could not be loaded is made anew.
      await turnOn()
      const [id = ''] = await servers.launch(image.imageId, { UserData: countingUserData })
      await until(async () =>
        (await readdir(join(lab.home, 'machines', id)).catch((): string[] => [])).includes('qemu.pid'),
      )
      await random.sleep(0, 400)
      await killMachine(id)
      await until(async () => (await servers.describe(id)).State?.Name !== 'pending')
      ids.push(id)
    }
    for (const id of ids) {
      await until(async () => {
        const state = (await servers.describe(id)).State?.Name
        if (state === 'stopped') await lab.call('StartInstances', { InstanceIds: [id] })
        return (
          state === 'running' &&
          (await servers.run(id, 'test -e /var/lib/user-data-runs && echo up').catch(() => '')) === 'up'
        )
      })
    }
    await expectOwnIdentities(ids)
    await terminate(ids)
  })

  test('a machine that waits for a launch is killed, and the daemon beside another one: the next launch goes on from the template', async () => {
    await turnOn()
    const launch = async () => {
      const [id = ''] = await servers.launch(image.imageId, { UserData: countingUserData })
      await servers.waitForStage(id, 'cloud-init')
      expect(await image.wayOf(id)).toMatch(/^tpl-/)
      return id
    }
    const first = await launch()
    const killed = await image.waitForPooled()
    await killMachine(killed)
    const second = await launch()
    const lost = await image.waitForPooled()
    await restartDaemon()
    await until(async () => !(await readdir(join(lab.home, 'machines'))).includes(lost))
    const third = await launch()
    expect([killed, lost]).not.toContain(third)
    await expectOwnIdentities([first, second, third])
    await terminate([first, second, third])
  })

  test('a launch that has a machine ready is terminated at once: nothing is left of either', async () => {
    await turnOn()
    const ids = await servers.launch(image.imageId)
    await servers.waitForStage(ids[0] ?? '', 'cloud-init')
    const waiting = await image.waitForPooled()
    expect(await servers.launch(image.imageId)).toEqual([waiting])
    await terminate([waiting])
    const files = await readdir(join(lab.home, 'machines', waiting)).catch(() => [])
    expect(files.filter((name) => name !== 'console.log')).toEqual([])
    await terminate(ids)
    // What was loaded for the next launch ends when there has been none for a while.
    await until(async () => (await readdir(join(lab.home, 'volumes'))).length === 0)
  })

  test('the QEMU of a template is killed while it is made: that is told, nothing is left, servers boot, and it can be made again', async () => {
    await turnOn()
    await turnOff()
    await image.warm(type)
    let id = ''
    await until(async () => ([id = ''] = await templates()).length > 0 && id !== '')
    await until(async () => await killMachine(id))
    await until(
      async () => (await lab.call('DescribeFastLaunchImages', {})).FastLaunchImages?.[0]?.State === 'enabling-failed',
    )
    expect(await templates()).toEqual([])
    const [server = ''] = await servers.launch(image.imageId)
    await servers.waitForState(server, 'running')
    expect(await image.wayOf(server)).toMatch(/^booted there is no warm template/)
    await terminate([server])
    await turnOn()
  })

  // Files are the same for everybody.
  if (isBrief) return

  // What else can be wrong with the files is in test/unit/ec2/fast-launch/template-check.test.ts.
  test.each([
    {
      harm: 'state of devices is changed, which QEMU finds',
      name: 'devices.state',
      why: /^booted (?!there is no warm template)./,
      damage: async (path: string) => await changeByte(path, 100_000),
    },
    {
      harm: 'memory is truncated, which is found before',
      name: 'memory',
      why: /^booted there is no warm template/,
      damage: async (path: string) => await truncate(path, 30_000_000),
    },
  ])('a template whose $harm is of no use: the server boots, and another template is made', async (harmed) => {
    const own = await turnOn()
    // No machine waits for a launch any more: what is loaded is whole.
    await restartDaemon()
    await harmed.damage(join(lab.home, 'templates', own, harmed.name))
    const [id = ''] = await servers.launch(image.imageId)
    await servers.waitForState(id, 'running')
    expect(await image.wayOf(id)).toMatch(harmed.why)
    await terminate([id])
    await until(async () => (await image.waitForTemplate(type)) !== own)
  })

  test('the daemon is killed while a template is made: it is made again, and nothing is left of the first', async () => {
    await turnOn()
    await turnOff()
    expect(await templates()).toEqual([])
    await image.warm(type)
    await until(async () => (await templates()).length > 0)
    await restartDaemon()
    const made = await image.waitForTemplate(type)
    expect(await templates()).toEqual([made])
    const [id = ''] = await servers.launch(image.imageId)
    await servers.waitForStage(id, 'cloud-init')
    expect(await image.wayOf(id)).toBe(made)
    // Servers that have gone on from a template do without it.
    await lab.call('DisableFastLaunch', { ImageId: image.imageId })
    await until(async () => (await templates()).length === 0)
    expect(await servers.run(id, 'echo alive')).toBe('alive')
    await terminate([id])
    // One that is being made is given up.
    await image.warm(type)
    await until(async () => (await templates()).length > 0)
    await turnOff()
    expect(await templates()).toEqual([])
  })

  test('with another QEMU a template is of no use: the server boots, and another template is made', async () => {
    const own = await turnOn()
    const program = join(programs, 'qemu-system-x86_64')
    await writeFile(program, '#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 "$@"\n')
    await chmod(program, 0o755)
    try {
      const [id = ''] = await servers.launch(image.imageId)
      await servers.waitForState(id, 'running')
      expect(await image.wayOf(id)).toMatch(/^booted there is no warm template/)
      await terminate([id])
      await until(async () => (await image.waitForTemplate(type)) !== own)
    } finally {
      await rm(program)
    }
  })

  test('where the host is short of memory nothing is launched, template or not', async () => {
    await turnOn()
    const file = join(lab.home, 'config.yaml')
    const before = await readFile(file, 'utf8')
    const reserve = `memoryReserveMib: ${Math.ceil(totalmem() / 1024 ** 2)}`
    await writeFile(file, before.replace('memoryOvercommit: 4', `memoryOvercommit: 4, ${reserve}`))
    await restartDaemon()
    await expect(servers.launch(image.imageId)).rejects.toThrow(
      /InsufficientInstanceCapacity.* room for 0 more .*It can give 0 MiB of memory at the moment/,
    )
    await writeFile(file, before)
    await restartDaemon()
    const [id = ''] = await servers.launch(image.imageId)
    await servers.waitForState(id, 'running')
    await terminate([id])
  })
})

/** Another byte than there was. */
async function changeByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset)
    await file.write(Buffer.from([buffer.readUInt8() ^ 0xff]), 0, 1, offset)
  } finally {
    await file.close()
  }
}
