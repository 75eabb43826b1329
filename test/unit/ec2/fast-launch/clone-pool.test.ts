import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { expect, test } from 'vitest'
import type { ClonePoolDependencies } from '../../../../src/ec2/fast-launch/clone-pool.ts'
import { createClonePool } from '../../../../src/ec2/fast-launch/clone-pool.ts'
import { drawLaunchNames, type LaunchNames } from '../../../../src/ec2/fast-launch/launch-names.ts'
import type { Machine, MachineEvent } from '../../../../src/ec2/ports/machine.ts'
import type { MachineSpec } from '../../../../src/ec2/ports/machine-spec.ts'
import { createSpareTaps } from '../../../../src/ec2/vpc/spare-taps.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { systemRandom } from '../../../../src/host/random.ts'
import { eventually, openFreezeBench } from '../snapshot/freeze-bench.ts'

const kind = { imageId: 'ami-1', instanceType: 't3.nano', vpcId: 'vpc-1' }
const templateId = 'tpl-1'

/** A pool beside which one instance has just gone on from a template, and the machines that it has made. */
async function openPool({ load = async () => undefined }: { load?: () => Promise<void> } = {}) {
  const { store, scope, paths } = await openFreezeBench()
  const running = new Map<string, (event: MachineEvent) => void>()
  const spareTaps = createSpareTaps()
  let isInside = true

  function record(names: LaunchNames) {
    const attachment = { instanceId: names.instanceId, deviceName: '/dev/xvda', deviceIndex: 0 }
    const boot = { generationId: names.generationId, isFirst: true }
    const instance = { ...scope, ...kind, boot, uuid: names.uuid, state: 'running', rootDeviceName: '/dev/xvda' }
    // Each a network for itself: what they have of addresses, nobody asks here.
    const address = { subnetId: names.instanceId, privateIp: '10.0.0.4' }
    store.instances.insert({ ...instance, ...address, id: names.instanceId } as never)
    store.volumes.insert({ ...scope, id: names.rootVolumeId, attachment, layerId: 'layer-1', sizeGib: 1 } as never)
    store.interfaces.insert({
      ...{ ...scope, ...address, id: names.interfaceId, vpcId: kind.vpcId, attachment, macAddress: names.macAddress },
    } as never)
  }
  const specOf = ({ instanceId, uuid, generationId }: LaunchNames) =>
    ({ name: instanceId, directory: join(paths.machines, instanceId), uuid, generationId }) as MachineSpec

  const parts = {
    ...{ store, paths, spareTaps, random: systemRandom, log: pino({ level: 'silent' }), maximum: 2 },
    clock: {
      ...systemClock,
      sleep: async (ms: number, signal?: AbortSignal) => await systemClock.sleep(ms / 100, signal),
    },
    disks: { createVolumeDisk: async ({ path }: { path: string }) => await writeFile(path, '') },
    machines: {
      prepare: async ({ name, directory }: MachineSpec) => {
        await mkdir(directory, { recursive: true })
        return {
          start: async (_prefix: readonly string[], onEvent: (event: MachineEvent) => void) => {
            await load()
            running.set(name, onEvent)
            const kill = async () => void running.delete(name)
            const resume = async () => {
              if (!running.has(name)) throw new Error('QEMU does not answer on its monitor')
            }
            return { name, pid: 1, kill, resume } as Machine
          },
        }
      },
    },
    network: { commandPrefix: () => [], isInside: async () => isInside },
    networks: { refresh: async () => undefined },
    instanceTypes: { get: () => ({ vCpus: 2, memoryMib: 512 }) },
    settings: { vCpuCapacity: 100, memoryCapacityMib: 100_000, availableMemoryMib: () => 100_000 },
  }
  const pool = createClonePool(parts as unknown as ClonePoolDependencies)

  const first = drawLaunchNames(systemRandom)
  store.transaction(() => {
    store.vpcs.insert({ ...scope, id: kind.vpcId } as never)
    store.warmTemplates.insert({ ...scope, id: templateId, imageId: kind.imageId, state: 'ready' } as never)
    record(first)
  })
  const instance = store.instances.find(first.instanceId)
  if (instance) pool.replenish(instance, specOf(first), { template: { id: templateId }, resumption: {} } as never)

  const waitForOne = async () => {
    await eventually(() => expect(pool.waiting(templateId)).toHaveLength(1))
    const names = pool.take(kind)
    if (!names) throw new Error('nothing waits')
    return names
  }
  return {
    ...{ store, pool, paths, running, spareTaps, record, specOf, waitForOne },
    leaveNamespace: () => (isInside = false),
    listFiles: async () => [
      ...(await readdir(paths.machines)),
      ...(await readdir(paths.volumes)).filter((name) => name !== 'vol-1'),
    ],
  }
}

test('the names of a machine that waits are offered until an instance is recorded that has them', async () => {
  const { store, pool, record, waitForOne } = await openPool()
  const names = await waitForOne()
  const tryOnly = () =>
    store.transaction(() => {
      record(names)
      expect(pool.take(kind)).toBeUndefined()
      throw new Error('it is a dry run')
    })
  expect(tryOnly).toThrow('it is a dry run')
  expect(pool.take(kind)).toEqual(names)
  expect(pool.take({ ...kind, vpcId: 'vpc-2' })).toBeUndefined()
  store.transaction(() => record(names))
  expect(pool.take(kind)).toBeUndefined()
  expect(pool.waiting(templateId)).toEqual([])
})

test('an instance that asks for just that machine has it, and hears of its end', async () => {
  const { store, pool, running, record, specOf, spareTaps, waitForOne } = await openPool()
  const names = await waitForOne()
  store.transaction(() => record(names))
  const prepared = await pool.claim(names.instanceId, { templateId, spec: specOf(names) })
  const heard: MachineEvent[] = []
  await prepared?.start([], (event) => void heard.push(event))
  expect([pool.has(names.instanceId), spareTaps.of(kind.vpcId)]).toEqual([false, []])
  running.get(names.instanceId)?.({ kind: 'ended', isClean: false, reason: 'it was killed' })
  expect(heard).toEqual([{ kind: 'ended', isClean: false, reason: 'it was killed' }])
  await pool.close()
  expect([...running.keys()]).toEqual([names.instanceId])
})

test.each([
  ['another machine', (spec: MachineSpec) => ({ templateId, spec: { ...spec, memoryMib: 1 } })],
  ['another template', (spec: MachineSpec) => ({ templateId: 'tpl-2', spec })],
  ['none', () => undefined],
])('the machine ends when its instance asks for %s', async (_what, ask) => {
  const { store, pool, paths, running, record, specOf, waitForOne } = await openPool()
  const names = await waitForOne()
  store.transaction(() => record(names))
  expect(await pool.claim(names.instanceId, ask(specOf(names)))).toBeUndefined()
  expect([[...running.keys()], await readdir(paths.machines)]).toEqual([[], []])
  // The disk is the volume's, which is recorded by now.
  expect(await readdir(paths.volumes)).toContain(names.rootVolumeId)
})

test('the machine ends when its VPC has been given another namespace', async () => {
  const { store, pool, running, record, specOf, leaveNamespace, waitForOne } = await openPool()
  const names = await waitForOne()
  store.transaction(() => record(names))
  leaveNamespace()
  expect(await pool.claim(names.instanceId, { templateId, spec: specOf(names) })).toBeUndefined()
  expect([...running.keys()]).toEqual([])
})

test('a machine that ends while it waits is offered no more, and nothing is left of it', async () => {
  const { pool, running, spareTaps, listFiles, waitForOne } = await openPool()
  const { instanceId } = await waitForOne()
  running.get(instanceId)?.({ kind: 'ended', isClean: false, reason: 'it was killed' })
  expect(pool.take(kind)).toBeUndefined()
  await eventually(() => expect(pool.has(instanceId)).toBe(false))
  expect([await listFiles(), spareTaps.of(kind.vpcId)]).toEqual([[], []])
})

test('a machine that ends between its claim and its start does not go on, and nobody hears of it', async () => {
  const { store, pool, running, record, specOf, waitForOne } = await openPool()
  const names = await waitForOne()
  store.transaction(() => record(names))
  const prepared = await pool.claim(names.instanceId, { templateId, spec: specOf(names) })
  running.get(names.instanceId)?.({ kind: 'ended', isClean: false, reason: 'it was killed' })
  const heard: MachineEvent[] = []
  await expect(prepared?.start([], (event) => void heard.push(event))).rejects.toThrow('ahead has ended')
  expect(heard).toEqual([])
})

test('the machine ends with its template, and with its VPC', async () => {
  for (const remove of ['warmTemplates', 'vpcs'] as const) {
    const { store, running, listFiles, waitForOne } = await openPool()
    await waitForOne()
    store.transaction(() => store[remove].remove(remove === 'vpcs' ? kind.vpcId : templateId))
    await eventually(async () => expect(await listFiles()).toEqual([]))
    expect([...running.keys()]).toEqual([])
  }
})

/** A load that takes until it is told to go on. */
function heldLoad() {
  let begin = () => undefined as void
  let goOn = () => undefined as void
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const load = async () => {
    begin()
    await new Promise<void>((resolve) => (goOn = resolve))
  }
  return { load, begun, goOn: () => goOn() }
}

test('a launch waits for the machine that is just being loaded for it, and nobody else is offered that', async () => {
  const { load, begun, goOn } = heldLoad()
  const { store, pool, record, specOf } = await openPool({ load })
  await begun
  expect(pool.waiting(templateId)).toEqual([])
  const names = pool.take(kind)
  if (!names) throw new Error('nothing is being loaded')
  store.transaction(() => record(names))
  expect(pool.take(kind)).toBeUndefined()
  const claimed = pool.claim(names.instanceId, { templateId, spec: specOf(names) })
  goOn()
  const machine = await (await claimed)?.start([], () => undefined)
  expect(machine?.name).toBe(names.instanceId)
})

test('a launch whose machine cannot be loaded is told that there is none, and nothing but its disk is left of that', async () => {
  let fail = () => undefined as void
  const load = async () =>
    await new Promise<void>((_, reject) => (fail = () => reject(new Error('QEMU ended at once'))))
  const { store, pool, paths, record, specOf } = await openPool({ load })
  await eventually(() => expect(pool.take(kind)).toBeDefined())
  const names = pool.take(kind)
  if (!names) throw new Error('nothing is being loaded')
  store.transaction(() => record(names))
  const claimed = pool.claim(names.instanceId, { templateId, spec: specOf(names) })
  await eventually(async () => expect(await readdir(paths.machines)).toEqual([names.instanceId]))
  fail()
  expect(await claimed).toBeUndefined()
  expect(await readdir(paths.machines)).toEqual([])
})

test('nothing is left of a machine that is being loaded when the daemon ends', async () => {
  const { load, begun, goOn } = heldLoad()
  const { pool, running, listFiles } = await openPool({ load })
  await begun
  const closed = pool.close()
  goOn()
  await closed
  expect([[...running.keys()], await listFiles()]).toEqual([[], []])
})

test('what a crash has left of machines that waited is removed, but what has become an instance', async () => {
  const { store, pool, paths, record, listFiles, waitForOne } = await openPool()
  const names = await waitForOne()
  const list = JSON.stringify([names])
  const left = (await listFiles()).toSorted()
  store.transaction(() => record(names))
  await writeFile(paths.clonePool, list)
  await pool.recover()
  expect((await listFiles()).toSorted()).toEqual(left)
  store.transaction(() => store.instances.remove(names.instanceId))
  await writeFile(paths.clonePool, list)
  await pool.recover()
  // A volume may outlive its instance.
  expect(await listFiles()).toEqual([names.rootVolumeId])
})
