import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { createRandom } from './random.ts'
import { prepareServers, type Servers } from './servers.ts'

let lab: Lab
let servers: Servers
/** Launched for hibernation, with an encrypted root volume. */
let secret: string
/** Launched like any other. */
let plain: string

/** In the memory of each server alone. */
const marker = 'remember-4d1f7c'

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
  await lab.startDaemon()
  const nano = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  const { Images: [image] = [] } = await lab.call('DescribeImages', { ImageIds: [nano] })
  ;[secret = ''] = await servers.launch(nano, {
    HibernationOptions: { Configured: true },
    BlockDeviceMappings: [{ DeviceName: image?.RootDeviceName, Ebs: { Encrypted: true } }],
  })
  ;[plain = ''] = await servers.launch(nano)
  for (const id of [secret, plain]) {
    await servers.waitForStage(id, 'ssh')
    const work = `sleep 100000 >/dev/null 2>&1 </dev/null & echo $! >/run/pid; echo ${marker} >/run/marker`
    await servers.run(id, `sudo sh -c '${work}'`)
  }
})
afterAll(async () => await lab.close())

const bootId = 'cat /proc/sys/kernel/random/boot_id'
/** What a boot would change: the kernel's own id of the boot, a file in memory, a process. */
const memory = 'cat /proc/sys/kernel/random/boot_id /run/marker /run/pid; sudo kill -0 $(cat /run/pid) && echo alive'
const stateOf = (id: string) => join(lab.home, 'machines', id, 'memory.state')
const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined

async function start(id: string): Promise<void> {
  await lab.call('StartInstances', { InstanceIds: [id] })
  await servers.waitForStage(id, 'ssh')
}

async function messagesOf(id: string): Promise<string[]> {
  const { Events: events } = await lab.call('KilnDescribeEvents', {})
  return events
    .filter(({ ResourceId, Kind }) => ResourceId === id && Kind === 'instance-problem')
    .map(({ Message }) => Message)
}

describe('a server that was launched for hibernation', () => {
  let before: string

  test('is told so, by the API and in itself', async () => {
    expect((await servers.describe(secret)).HibernationOptions?.Configured).toBe(true)
    expect((await servers.describe(plain)).HibernationOptions?.Configured).toBe(false)
    const configured = await lab.call('DescribeInstances', {
      Filters: [{ Name: 'hibernation-options.configured', Values: ['true'] }],
    })
    expect(
      configured.Reservations?.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId)),
    ).toEqual([secret])
    const ask = 'wget -qO- http://169.254.169.254/latest/meta-data/hibernation/configured'
    expect(await servers.run(secret, ask)).toContain('true')
    expect(await servers.run(plain, ask)).toContain('false')
  })

  test('stops with its memory kept where nobody can read it', async () => {
    // Plugged in while it runs.
    const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', {
      AvailabilityZone: (await servers.describe(secret)).Placement?.AvailabilityZone ?? '',
      Size: 1,
    })
    await until(
      async () => (await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })).Volumes?.[0]?.State === 'available',
    )
    await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: secret, Device: '/dev/sdf' })
    await until(async () => (await servers.run(secret, 'ls /sys/block')).includes('vdb'))
    before = await servers.run(secret, memory)
    expect(before).toContain(`${marker}\n`)
    await lab.call('StopInstances', { InstanceIds: [secret], Hibernate: true })
    await servers.waitForState(secret, 'stopped')
    const { StateReason: reason, StateTransitionReason: transition } = await servers.describe(secret)
    expect(reason?.Code).toBe('Client.UserInitiatedHibernate')
    expect(transition).toMatch(/^User initiated/)
    const { mode } = await stat(stateOf(secret))
    expect(mode & 0o777).toBe(0o600)
    expect((await readFile(stateOf(secret))).includes(marker)).toBe(false)
  })

  test('is bound to its machine as long as it is hibernated', async () => {
    const { BlockDeviceMappings: devices = [] } = await servers.describe(secret)
    const requests = [
      () => lab.call('ModifyInstanceAttribute', { InstanceId: secret, InstanceType: { Value: 't3.small' } }),
      () => lab.call('ModifyInstanceCpuOptions', { InstanceId: secret, CoreCount: 1, ThreadsPerCore: 1 }),
      ...devices.map(
        ({ Ebs }) =>
          () =>
            lab.call('DetachVolume', { VolumeId: Ebs?.VolumeId ?? '' }),
      ),
    ]
    expect(requests).toHaveLength(4)
    for (const request of requests) await expect(request()).rejects.toThrow('is hibernated')
    const { stdout } = await lab.kiln('describe', secret)
    expect(stdout).toMatch(/Memory kept +\S.*encrypted/)
  })

  test('goes on with its processes, its volumes and its network, and its memory is nowhere else any more', async () => {
    await start(secret)
    expect(await servers.run(secret, memory)).toBe(before)
    await servers.run(secret, 'echo written | sudo dd of=/dev/vdb conv=fsync 2>/dev/null')
    expect(await isThere(stateOf(secret))).toBe(false)
    expect(await messagesOf(secret)).toEqual([])
    const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: secret })
    expect(stages.filter(({ Seconds }) => Seconds === undefined)).toEqual([])
  })

  test('gives its memory back when it is terminated', async () => {
    await lab.call('StopInstances', { InstanceIds: [secret], Hibernate: true })
    await servers.waitForState(secret, 'stopped')
    expect(await isThere(stateOf(secret))).toBe(true)
    await lab.call('TerminateInstances', { InstanceIds: [secret] })
    await servers.waitForState(secret, 'terminated')
    expect(await isThere(stateOf(secret))).toBe(false)
  })
})

describe('any other server', () => {
  test('is not hibernated by the EC2 API, whatever it is asked together with', async () => {
    await expect(lab.call('StopInstances', { InstanceIds: [plain], Hibernate: true })).rejects.toThrow(
      'UnsupportedHibernationConfiguration',
    )
    await expect(lab.call('StopInstances', { InstanceIds: [plain], Hibernate: true, Force: true })).rejects.toThrow(
      'InvalidParameterCombination',
    )
    expect((await servers.describe(plain)).State?.Name).toBe('running')
  })

  test('is suspended and resumed by hand', async () => {
    const before = await servers.run(plain, memory)
    expect((await lab.kiln('resume', plain)).exitCode).toBe(1)
    expect(await lab.kiln('suspend', plain, '--wait')).toMatchObject({ exitCode: 0 })
    expect((await readFile(stateOf(plain))).includes(marker)).toBe(true)
    const { stdout } = await lab.kiln('disk', 'ls')
    expect(stdout).toMatch(new RegExp(`${plain} .*memory, hibernated since`))
    expect(stdout).toContain('the memory of hibernated instances')
    expect(await lab.kiln('resume', plain, '--wait', 'ssh')).toMatchObject({ exitCode: 0 })
    expect(await servers.run(plain, memory)).toBe(before)
  })

  test('is suspended although its daemon is killed meanwhile, and resumed although it is killed again', async () => {
    const random = createRandom(process.env['KILN_TEST_SEED'])
    console.log(`the moments come from KILN_TEST_SEED=${random.seed}`)
    const before = await servers.run(plain, memory)
    await lab.call('KilnSuspendInstances', { InstanceIds: [plain] })
    await random.sleep(0, 700)
    await lab.killDaemon()
    await lab.startDaemon()
    await servers.waitForState(plain, 'stopped')
    await lab.call('StartInstances', { InstanceIds: [plain] })
    await random.sleep(0, 1500)
    await lab.killDaemon()
    await lab.startDaemon()
    await servers.waitForStage(plain, 'ssh')
    expect(await servers.run(plain, memory)).toBe(before)
    expect(await messagesOf(plain)).toEqual([])
  })

  test('boots anew when its memory was damaged, and says so', async () => {
    const before = await servers.run(plain, bootId)
    await lab.call('KilnSuspendInstances', { InstanceIds: [plain] })
    await servers.waitForState(plain, 'stopped')
    const kept = await readFile(stateOf(plain))
    kept.writeUInt8(kept.readUInt8(1_000_000) ^ 0xff, 1_000_000)
    await writeFile(stateOf(plain), kept)
    await start(plain)
    expect(await servers.run(plain, bootId)).not.toBe(before)
    expect(await messagesOf(plain)).toEqual([expect.stringContaining('boots anew instead of going on')])
    expect(await isThere(stateOf(plain))).toBe(false)
  })
})
