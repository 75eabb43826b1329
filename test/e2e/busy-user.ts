import { expect } from 'vitest'
import type { Lab } from './lab.ts'
import type { TestRandom } from './random.ts'
import { isDaemonGone, workSimultaneously } from './simultaneous-work.ts'

/** Somebody who launches, ends and changes things all the time, and remembers what the daemon has said yes to. */
export interface BusyUser {
  /** Begins to work; `stop` resolves when the calls under way have ended, one way or the other. */
  work(): { stop(): Promise<void> }
  /** Throws when something that was acknowledged is not there. */
  expectAcknowledged(): Promise<void>
  readonly acknowledgedCount: number
}

/** What is known of an instance. `undefined` tags and a doubtful state: a call on it broke off, and may or may not have been done. */
interface KnownInstance {
  readonly id: string
  readonly tags: Map<string, string | undefined>
  isTerminated: boolean
  isDoubtful: boolean
}

/** A volume made by hand; a call on it that breaks off may have deleted it or not. */
interface KnownVolume {
  readonly id: string
  isDeleted: boolean
  isDoubtful: boolean
}

const poolSize = 6
const volumePoolSize = 5
const snapshotPoolSize = 8
const simultaneous = 3

export function createBusyUser(dependencies: {
  lab: Lab
  random: TestRandom
  imageId: string
  groupId: string
  /** Where its instances live. */
  zone: string
  /** An instance that is left alone. */
  keep: string
}): BusyUser {
  const { lab, random, imageId, groupId, zone } = dependencies
  const instances = new Map<string, KnownInstance>()
  const volumes = new Map<string, KnownVolume>()
  const snapshots = new Map<string, KnownVolume>()
  const keyNames = new Set<string>()
  const openPorts = new Set<number>()
  let acknowledgedCount = 0
  let nextNumber = 1

  const live = () => [...instances.values()].filter(({ isTerminated }) => !isTerminated)

  async function launch(): Promise<void> {
    if (live().length >= poolSize) return
    const answer = await lab.call('RunInstances', {
      ImageId: imageId,
      InstanceType: 't3.nano',
      MinCount: 1,
      MaxCount: 1 + random.below(2),
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'made', Value: 'yes' }] }],
    })
    for (const { InstanceId: id = '' } of answer.Instances ?? []) {
      instances.set(id, { id, tags: new Map([['made', 'yes']]), isTerminated: false, isDoubtful: false })
    }
  }

  async function onInstance(work: (known: KnownInstance) => Promise<void>): Promise<void> {
    const known = random.pick(live())
    if (known) await work(known)
  }

  async function terminate(known: KnownInstance): Promise<void> {
    const wasDoubtful = known.isDoubtful
    known.isDoubtful = true
    await lab.call('TerminateInstances', { InstanceIds: [known.id] })
    known.isTerminated = true
    known.isDoubtful = wasDoubtful
  }

  async function tag(known: KnownInstance): Promise<void> {
    const key = `key${nextNumber++}`
    const value = 'kept'
    known.tags.set(key, undefined)
    await lab.call('CreateTags', { Resources: [known.id], Tags: [{ Key: key, Value: value }] })
    known.tags.set(key, value)
  }

  async function importKey(): Promise<void> {
    const name = `key-${nextNumber++}`
    await lab.call('CreateKeyPair', { KeyName: name, KeyType: 'ed25519' })
    keyNames.add(name)
  }

  async function openPort(): Promise<void> {
    const port = 20_000 + nextNumber++
    await lab.call('AuthorizeSecurityGroupIngress', {
      GroupId: groupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }],
    })
    openPorts.add(port)
  }

  const present = (known: ReadonlyMap<string, KnownVolume>) => [...known.values()].filter(({ isDeleted }) => !isDeleted)

  async function makeVolume(): Promise<void> {
    if (present(volumes).length >= volumePoolSize) return
    const { VolumeId: id = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1 })
    volumes.set(id, { id, isDeleted: false, isDoubtful: false })
  }

  async function attach(): Promise<void> {
    const [volume, instance] = [random.pick(present(volumes)), random.pick(live())]
    if (!volume || !instance) return
    const device = `/dev/sd${'fghijk'[random.below(6)]}`
    await lab.call('AttachVolume', { VolumeId: volume.id, InstanceId: instance.id, Device: device })
  }

  async function detach(): Promise<void> {
    const volume = random.pick(present(volumes))
    // Nobody in the machine gives anything up.
    if (volume) await lab.call('DetachVolume', { VolumeId: volume.id, Force: true })
  }

  async function snapshot(): Promise<void> {
    const all = await lab.call('DescribeVolumes', {})
    const volume = random.pick(all.Volumes ?? [])
    if (!volume || present(snapshots).length >= snapshotPoolSize) return
    const { SnapshotId: id = '' } = await lab.call('CreateSnapshot', { VolumeId: volume.VolumeId ?? '' })
    snapshots.set(id, { id, isDeleted: false, isDoubtful: false })
  }

  async function remove(known: KnownVolume | undefined, call: (id: string) => Promise<unknown>): Promise<void> {
    if (!known) return
    const wasDoubtful = known.isDoubtful
    known.isDoubtful = true
    try {
      await call(known.id)
      known.isDeleted = true
    } catch (error) {
      // A refusal leaves no doubt.
      if (error instanceof Error && /VolumeInUse|IncorrectState/.test(error.message)) known.isDoubtful = wasDoubtful
      throw error
    }
    known.isDoubtful = wasDoubtful
  }

  const removeVolume = () => remove(random.pick(present(volumes)), (id) => lab.call('DeleteVolume', { VolumeId: id }))
  const removeSnapshot = () =>
    remove(random.pick(present(snapshots)), (id) => lab.call('DeleteSnapshot', { SnapshotId: id }))

  const acts: readonly (() => Promise<void>)[] = [
    launch,
    launch,
    () => onInstance(terminate),
    () => onInstance(({ id }) => lab.call('StopInstances', { InstanceIds: [id], Force: true }).then(() => undefined)),
    () => onInstance(({ id }) => lab.call('StartInstances', { InstanceIds: [id] }).then(() => undefined)),
    () => onInstance(({ id }) => lab.call('RebootInstances', { InstanceIds: [id] }).then(() => undefined)),
    () => onInstance(tag),
    importKey,
    openPort,
    makeVolume,
    attach,
    attach,
    detach,
    snapshot,
    snapshot,
    removeVolume,
    removeSnapshot,
  ]

  async function workUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        await random.pick(acts)?.()
        acknowledgedCount++
      } catch (error) {
        if (isRefusalOrDeath(error)) continue
        throw error
      }
    }
  }

  async function expectAcknowledged(): Promise<void> {
    const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
    const described = new Map(
      reservations.flatMap(({ Instances: all = [] }) => all).map((one) => [one.InstanceId, one]),
    )
    for (const known of instances.values()) {
      const { id, tags } = known
      const found = described.get(id)
      // A call that broke off had been done after all.
      if (known.isDoubtful && ['shutting-down', 'terminated'].includes(found?.State?.Name ?? ''))
        known.isTerminated = true
      const { isTerminated, isDoubtful } = known
      expect(found?.InstanceId, 'an instance that RunInstances answered').toBe(id)
      if (isTerminated) expect(['shutting-down', 'terminated']).toContain(found?.State?.Name)
      else if (!isDoubtful) expect(['shutting-down', 'terminated']).not.toContain(found?.State?.Name)
      const present = new Map(found?.Tags?.map(({ Key, Value }) => [Key, Value]))
      for (const [key, value] of tags) if (value !== undefined) expect(present.get(key)).toBe(value)
    }
    const { Volumes: foundVolumes = [] } = await lab.call('DescribeVolumes', {})
    const { Snapshots: foundSnapshots = [] } = await lab.call('DescribeSnapshots', {})
    expectKnown(volumes, new Map(foundVolumes.map(({ VolumeId, State }) => [VolumeId, State])), ['deleting'])
    expectKnown(snapshots, new Map(foundSnapshots.map(({ SnapshotId, State }) => [SnapshotId, State])), [])
    const { KeyPairs: keyPairs = [] } = await lab.call('DescribeKeyPairs', {})
    expect(keyPairs.map(({ KeyName }) => KeyName)).toEqual(expect.arrayContaining([...keyNames]))
    const { SecurityGroups: groups = [] } = await lab.call('DescribeSecurityGroups', { GroupIds: [groupId] })
    expect(groups[0]?.IpPermissions?.map(({ FromPort }) => FromPort)).toEqual(expect.arrayContaining([...openPorts]))
  }

  return {
    work: () => workSimultaneously(simultaneous, workUntil),
    expectAcknowledged,
    get acknowledgedCount() {
      return acknowledgedCount
    },
  }
}

/** What was made is there unless it was deleted, what was deleted is not, and nothing has failed. */
function expectKnown(
  known: ReadonlyMap<string, KnownVolume>,
  states: ReadonlyMap<string | undefined, string | undefined>,
  leaving: readonly string[],
): void {
  for (const one of known.values()) {
    const state = states.get(one.id)
    const isThere = state !== undefined && !leaving.includes(state)
    if (one.isDoubtful && !isThere) one.isDeleted = true
    else if (!one.isDoubtful) expect([one.id, isThere]).toEqual([one.id, !one.isDeleted])
    expect(state).not.toBe('error')
  }
}

/** A state that does not allow it, no room, or no daemon: part of a busy life. Anything else is a failure of the test. */
function isRefusalOrDeath(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isDaemonGone(error)) return true
  if (/AttachVolume: .*already in use|InvalidVolume\.NotFound|InvalidVolume\.ZoneMismatch/.test(error.message))
    return true
  return /IncorrectState|VolumeInUse|InvalidSnapshot\.NotFound|AttachmentLimitExceeded|IncorrectInstanceState|InsufficientInstanceCapacity|RulesPerSecurityGroupLimitExceeded|TagLimitExceeded/.test(
    error.message,
  )
}
