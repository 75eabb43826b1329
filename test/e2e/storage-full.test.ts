import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { OperationInput } from '../../src/api/contract.ts'
import { type DockerRegistry, startDockerRegistry } from '../integration/oci/docker-registry.ts'
import { waitForImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { openRegistryLine, type RegistryLine } from './registry-line.ts'
import { type HeldProgram, holdQemuImg } from './storage-full/held-program.ts'
import { type SmallDisk, smallDisk } from './storage-full/small-disk.ts'

const mib = 1024 ** 2
/** Of random bytes in the disk that all the work is about: no format makes them fewer. */
const dataBytes = 12 * mib
/** More than anything needs that is to succeed, with what Kiln leaves free for others. */
const plentyBytes = 420 * mib
/** Less than the work writes, so that it has begun to write when there is no more. */
const scarceBytes = 2 * mib
/** Where the state directory keeps what has come of a pull. */
const downloads = ['cache', 'downloads'] as const
/** What the database and the log may have grown by. */
const recordBytes = 2 * mib

async function sizesIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((): string[] => [])
  return await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
}

// A small file system can be had by root only; the daemon on it is the ordinary user's.
describe.skipIf(process.getuid?.() !== 0)(
  'work that finds the disk full in its midst (needs root to mount one)',
  () => {
    let lab: Lab
    let program: HeldProgram
    let registry: DockerRegistry
    let line: RegistryLine
    /** Files to be imported, and the bucket `outside`. */
    let directory: string
    let home: SmallDisk
    let bucket: SmallDisk
    let ofRegistry: SmallDisk
    /** Of the disk with the data: it stays throughout. */
    let imageId: string
    let snapshotId: string
    let instanceId: string

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'kiln-full-'))
      await chmod(directory, 0o755)
      for (const name of ['disk.raw', 'other.raw']) {
        const disk = Buffer.alloc(dataBytes + mib)
        randomBytes(dataBytes).copy(disk, mib)
        disk.writeUInt16LE(0xaa55, 510)
        await writeFile(join(directory, name), disk)
      }
      await execa('gzip', ['-1', '-k', 'disk.raw'], { cwd: directory })
      for (const name of ['outside', 'small']) await execa('mkdir', [join(directory, name)])
      await execa('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', join(directory, 'small')])
      await execa('chown', ['-R', `${ordinaryUser}:`, directory])
      program = await holdQemuImg()
      registry = await startDockerRegistry({ diskMib: 64 })
      line = await openRegistryLine(registry.host)
      lab = await openLab(ordinaryUser, {
        diskMib: 600,
        programs: program.directory,
        configuration: `
storage: { flattenDepth: 4 }
machines: { stopTimeoutSeconds: 5 }
buckets:
  outside: { directory: ${join(directory, 'outside')} }
  small: { directory: ${join(directory, 'small')} }
`,
      })
      home = smallDisk(lab.home)
      bucket = smallDisk(join(directory, 'small'))
      ofRegistry = smallDisk(registry.directory)
      await lab.startDaemon()
      // Soon after its start the daemon takes the room that it records in on a full disk.
      await until(async () => (await stat(join(lab.home, 'kiln.db'))).size > mib)
      imageId = await importImage('data')
      snapshotId = await rootOf(imageId)
      const launch = { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
      instanceId = (await lab.call('RunInstances', launch)).Instances?.[0]?.InstanceId ?? ''
      await until(async () => (await describeInstance(instanceId))?.State?.Name === 'running')
    })
    afterAll(async () => {
      await home.leave(plentyBytes)
      const left = await lab.close()
      line.close()
      await registry.close()
      await program.remove()
      await execa('umount', [bucket.path])
      await rm(directory, { recursive: true })
      expect(left).toEqual([])
    })

    async function importImage(name: string): Promise<string> {
      const { TaskId: id } = await lab.call('KilnImportImage', { Source: join(directory, 'disk.raw'), Name: name })
      return await waitForImage(lab, id)
    }

    const describeInstance = async (id: string) =>
      (await lab.call('DescribeInstances', { InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0]
    const describeImage = async (id = '') => (await lab.call('DescribeImages', { ImageIds: [id] })).Images?.[0]
    const rootOf = async (id: string) => (await describeImage(id))?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''

    /** Waits for the end of something that is asked for again and again. */
    async function endOf<T>(look: () => Promise<T>, isOver: (found: T) => boolean): Promise<T> {
      let found = await look()
      await until(async () => isOver((found = await look())))
      return found
    }

    const snapshotEnd = (id = '') =>
      endOf(
        async () => (await lab.call('DescribeSnapshots', { SnapshotIds: [id] })).Snapshots?.[0],
        (snapshot) => snapshot?.State !== 'pending',
      )
    const imageEnd = (id = '') =>
      endOf(
        () => describeImage(id),
        (image) => image?.State !== 'pending',
      )

    async function imagesNamed(name: string): Promise<string[]> {
      const { Images: images = [] } = await lab.call('DescribeImages', { Filters: [{ Name: 'name', Values: [name] }] })
      return images.flatMap(({ ImageId: id }) => id ?? [])
    }

    /** Deletes an image with its layer. */
    async function forget(id: string): Promise<void> {
      const countLayers = async () => (await readdir(join(lab.home, 'layers'))).length
      const count = await countLayers()
      await lab.call('DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
      await until(async () => (await countLayers()) < count)
    }

    /** Why a snapshot came to nothing; one that came to something is deleted, as are those that did not. */
    async function takeSnapshot(id: string | undefined): Promise<string | undefined> {
      const { State, StateMessage } = (await snapshotEnd(id)) ?? {}
      await lab.call('DeleteSnapshot', { SnapshotId: id ?? '' })
      return State === 'completed' ? undefined : `${State}: ${StateMessage}`
    }

    async function takeImage(id: string | undefined): Promise<string | undefined> {
      const { State, StateReason } = (await imageEnd(id)) ?? {}
      await lab.call('DeregisterImage', { ImageId: id ?? '', DeleteAssociatedSnapshots: true })
      return State === 'available' ? undefined : `${State}: ${StateReason?.Message}`
    }

    async function takeImport(id: string | undefined): Promise<string | undefined> {
      const look = async () =>
        (await lab.call('DescribeImportImageTasks', { ImportTaskIds: [id ?? ''] })).ImportImageTasks?.[0]
      const task = await endOf(look, (found) => found?.Status !== 'active')
      if (task?.Status !== 'completed') return `${task?.Status}: ${task?.StatusMessage}`
      return await takeImage(task.ImageId)
    }

    /** The words of a command that failed. */
    async function kiln(...args: string[]): Promise<string | undefined> {
      const { exitCode, stderr } = await lab.kiln(...args)
      return exitCode === 0 ? undefined : stderr
    }

    async function createVolume(more: Omit<OperationInput<'CreateVolume'>, 'AvailabilityZone'>) {
      const { VolumeId: id = '' } = await lab.call('CreateVolume', { AvailabilityZone: 'us-east-1a', ...more })
      const look = async () => (await lab.call('DescribeVolumes', { VolumeIds: [id] })).Volumes?.[0]?.State
      return { id, state: await endOf(look, (state) => state !== 'creating') }
    }

    async function deleteVolume(VolumeId: string): Promise<void> {
      await lab.call('DeleteVolume', { VolumeId })
      await until(
        async () => !(await lab.call('DescribeVolumes', {})).Volumes?.some((one) => one.VolumeId === VolumeId),
      )
    }

    async function takeVolume(
      more: Omit<OperationInput<'CreateVolume'>, 'AvailabilityZone'>,
    ): Promise<string | undefined> {
      const { id, state } = await createVolume(more)
      const { Events: events } = await lab.call('KilnDescribeEvents', {})
      await deleteVolume(id)
      const said = events.findLast(({ ResourceId }) => ResourceId === id)?.Message
      return state === 'available' ? undefined : `${state}: ${said}`
    }

    const exportEnd = async (id = '') => {
      const look = async () =>
        (await lab.call('DescribeExportImageTasks', { ExportImageTaskIds: [id] })).ExportImageTasks?.[0]
      const task = await endOf(look, (found) => found?.Status !== 'active')
      return task?.Status === 'completed' ? undefined : `${task?.Status}: ${task?.StatusMessage}`
    }
    const exportTo = async (S3Bucket: string) => {
      const request = { ImageId: imageId, DiskImageFormat: 'RAW', S3ExportLocation: { S3Bucket } } as const
      return await exportEnd((await lab.call('ExportImage', request)).ExportImageTaskId)
    }
    const storeTo = async (Bucket: string) => {
      await lab.call('CreateStoreImageTask', { ImageId: imageId, Bucket })
      const look = async () =>
        (await lab.call('DescribeStoreImageTasks', { ImageIds: [imageId] })).StoreImageTaskResults?.at(-1)
      const task = await endOf(look, (found) => found?.StoreTaskState !== 'InProgress')
      return task?.StoreTaskState === 'Completed'
        ? undefined
        : `${task?.StoreTaskState}: ${task?.StoreTaskFailureReason}`
    }
    const tierEnd = async (id: string) => {
      const Filters = [{ Name: 'snapshot-id', Values: [id] }]
      const look = async () => (await lab.call('DescribeSnapshotTierStatus', { Filters })).SnapshotTierStatuses?.[0]
      const status = await endOf(look, (found) => !found?.LastTieringOperationStatus?.endsWith('in-progress'))
      const { LastTieringOperationStatus: how, LastTieringOperationStatusDetail: detail } = status ?? {}
      return how?.endsWith('completed') ? undefined : `${how}: ${detail}`
    }

    /** What the records know of is there, and nothing else. */
    async function expectNothingHalf(): Promise<void> {
      const database = new Database(join(lab.home, 'kiln.db'), { readonly: true })
      const documentsOf = (table: string) =>
        database
          .prepare<[], { document: string }>(`SELECT document FROM ${table}`)
          .all()
          .map(({ document }) => JSON.parse(document) as { id: string; state: string; encryptionKeyId?: string })
      const filesIn = async (...names: string[]) =>
        (await readdir(join(lab.home, ...names)).catch((): string[] => [])).sort()
      try {
        const [layers, volumes] = [documentsOf('layer'), documentsOf('volume')]
        expect(layers.filter(({ state }) => state !== 'available')).toEqual([])
        expect(await filesIn('layers')).toEqual(layers.map(({ id }) => id).sort())
        for (const { id } of layers) expect(await filesIn('layers', id)).toEqual(['disk.qcow2', 'layer.yaml'])
        const made = volumes.filter(({ state }) => state !== 'error').map(({ id }) => id)
        expect(await filesIn('volumes')).toEqual(made.sort())
        const keys = [...layers, ...volumes].flatMap(({ encryptionKeyId }) => encryptionKeyId ?? [])
        expect(await filesIn('keyring')).toEqual([...new Set(keys)].sort())
        for (const room of [['staging'], downloads]) expect(await filesIn(...room)).toEqual([])
        for (const name of ['outside', 'small']) {
          const objects = await readdir(join(directory, name), { recursive: true })
          expect(objects.filter((object) => object.includes('part'))).toEqual([])
        }
      } finally {
        database.close()
      }
    }

    /** And each layer has the content that it had. */
    async function expectWhole(): Promise<void> {
      await vi.waitFor(expectNothingHalf, { timeout: 60_000, interval: 50 })
      expect(await lab.kiln('disk', 'check')).toMatchObject({ exitCode: 0, stdout: '' })
    }

    interface Act {
      /** Answers why it failed; undefined when all is done, and what came of it is gone again. */
      readonly do: () => Promise<string | undefined>
      /** What runs full. */
      readonly disk?: () => SmallDisk
      readonly leaveBytes?: number
      /** What the reason names; the disk when absent. */
      readonly told?: string
      /** When: at once, when qemu-img is about to write, or when a part of a blob has come from the registry. */
      readonly when?: 'before' | 'qemu-img' | 'blob'
    }

    async function doOnFullDisk({ do: act, disk = () => home, leaveBytes = scarceBytes, when = 'qemu-img' }: Act) {
      await home.leave(plentyBytes)
      // What the one before has deleted is gone, and gives no room any more.
      await vi.waitFor(expectNothingHalf, { timeout: 60_000, interval: 50 })
      const usedBytes = await home.usedBytes()
      let reason: string | undefined
      if (when === 'before') {
        await disk().leave(leaveBytes)
        reason = await act()
      } else if (when === 'blob') {
        const held = line.holdNext('GET', '/blobs/', mib)
        const doing = act()
        const goOn = await Promise.race([
          held,
          doing.then((early) => Promise.reject(new Error(`it has ended: ${early}`))),
        ])
        // The space for all of it was asked for before the first byte is written.
        await until(async () => (await sizesIn(join(lab.home, ...downloads))).some((size) => size > 0))
        await disk().leave(leaveBytes)
        goOn()
        reason = await doing
      } else {
        const held = await program.hold()
        const doing = act()
        await held.isThere()
        await disk().leave(leaveBytes)
        await held.letGo()
        reason = await doing
      }
      return { reason, grownBytes: (await home.usedBytes()) - usedBytes }
    }

    const encrypted = { SourceRegion: 'us-east-1', Encrypted: true } as const
    let archivedId: string

    const acts: [what: string, act: Act][] = [
      ['a volume', { do: () => takeVolume({ SnapshotId: snapshotId }), leaveBytes: 0, when: 'before' }],
      [
        'an encrypted volume',
        { do: () => takeVolume({ Size: 1, Encrypted: true }), leaveBytes: 64 * 1024, when: 'before' },
      ],
      [
        'a snapshot of a volume',
        {
          do: async () => {
            const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {
              Filters: [{ Name: 'status', Values: ['available'] }],
            })
            const VolumeId = volumes[0]?.VolumeId ?? (await createVolume({ SnapshotId: snapshotId })).id
            if (volumes.length === 0) await home.leave(0)
            const reason = await takeSnapshot((await lab.call('CreateSnapshot', { VolumeId })).SnapshotId)
            if (reason === undefined) await deleteVolume(VolumeId)
            return reason
          },
          leaveBytes: mib,
          when: 'before',
        },
      ],
      ...[0, 32 * 1024].map((leaveBytes): [string, Act] => [
        `an image of a running instance, with ${leaveBytes} bytes left`,
        {
          do: async () => {
            const request = { InstanceId: instanceId, Name: 'of running', NoReboot: true }
            return await takeImage((await lab.call('CreateImage', request)).ImageId)
          },
          leaveBytes,
          when: 'before',
        },
      ]),
      [
        'an encrypted copy of a snapshot',
        {
          do: async () => {
            const copy = await lab.call('CopySnapshot', { ...encrypted, SourceSnapshotId: snapshotId })
            return await takeSnapshot(copy.SnapshotId)
          },
        },
      ],
      [
        'an encrypted copy of an image',
        {
          do: async () => {
            const copy = await lab.call('CopyImage', { ...encrypted, SourceImageId: imageId, Name: 'encrypted' })
            return await takeImage(copy.ImageId)
          },
        },
      ],
      [
        'an import of a snapshot',
        {
          do: async () => {
            const DiskContainer = { Format: 'RAW', Url: `file://${join(directory, 'disk.raw')}` }
            const { ImportTaskId: id = '' } = await lab.call('ImportSnapshot', { DiskContainer })
            const look = async () =>
              (await lab.call('DescribeImportSnapshotTasks', { ImportTaskIds: [id] })).ImportSnapshotTasks?.[0]
                ?.SnapshotTaskDetail
            const task = await endOf(look, (found) => found?.Status !== 'active')
            if (task?.Status !== 'completed') return `${task?.Status}: ${task?.StatusMessage}`
            // For the archive.
            archivedId = task.SnapshotId ?? ''
            return undefined
          },
        },
      ],
      [
        'a move into the archive',
        {
          do: async () => {
            await lab.call('ModifySnapshotTier', { SnapshotId: archivedId, StorageTier: 'archive' })
            return await tierEnd(archivedId)
          },
        },
      ],
      [
        'a restore from the archive',
        {
          do: async () => {
            await lab.call('RestoreSnapshotTier', { SnapshotId: archivedId, PermanentRestore: true })
            const reason = await tierEnd(archivedId)
            return reason ?? (await takeSnapshot(archivedId))
          },
        },
      ],
      ['an export to a bucket', { do: () => exportTo('outside') }],
      ['an export to a bucket that is full', { do: () => exportTo('small'), disk: () => bucket, when: 'before' }],
      ['an image that is stored in a bucket', { do: () => storeTo('outside') }],
      [
        'an image that is stored in a bucket that is full',
        { do: () => storeTo('small'), disk: () => bucket, when: 'before' },
      ],
      [
        'an image that is restored from a bucket',
        {
          do: async () => {
            const from = { Bucket: 'outside', ObjectKey: `${imageId}.bin`, Name: 'restored' }
            return await takeImage((await lab.call('CreateRestoreImageTask', from)).ImageId)
          },
        },
      ],
      [
        'an import of an image from a bucket',
        {
          do: async () => {
            const objects = await readdir(join(directory, 'outside'))
            const key = objects.find((name) => name.endsWith('.raw')) ?? ''
            const DiskContainers = [{ Format: 'RAW', Url: `s3://outside/${key}` }]
            return await takeImport((await lab.call('ImportImage', { DiskContainers })).ImportTaskId)
          },
        },
      ],
      ['kiln image import', { do: () => kiln('image', 'import', join(directory, 'other.raw'), '--name', 'imported') }],
      [
        'kiln image import of a compressed disk',
        {
          do: () => kiln('image', 'import', join(directory, 'disk.raw.gz'), '--name', 'unpacked'),
          // What Kiln leaves free for others is not for unpacking.
          leaveBytes: 256 * mib + scarceBytes,
          when: 'before',
        },
      ],
      ['kiln image export', { do: () => kiln('image', 'export', 'data', join(lab.home, 'exported.raw'), '--force') }],
      [
        'kiln image push to a registry that is full',
        {
          do: () => kiln('image', 'push', 'imported', `${line.host}/full:1`),
          disk: () => ofRegistry,
          told: 'The disk of the registry 127.0.0.1:',
          when: 'before',
        },
      ],
      [
        'kiln image pull',
        {
          do: async () => {
            const [present] = await imagesNamed('imported')
            if (present) await forget(present)
            return await kiln('image', 'pull', `${line.host}/full:1`)
          },
          leaveBytes: mib,
          when: 'blob',
        },
      ],
    ]

    test.each(acts)('%s fails with the reason, leaves nothing, and succeeds when there is room', async (_what, act) => {
      const { reason, grownBytes } = await doOnFullDisk(act)
      expect(reason).toMatch(
        /disk ran full during .+ where \/\S+ is\. Free some there|there is no space left\. Free some there/,
      )
      expect(reason).toContain(act.told ?? (act.disk ?? (() => home))().path)
      expect(grownBytes).toBeLessThan(recordBytes)
      await home.leave(plentyBytes)
      await (act.disk ?? (() => home))().leave(plentyBytes)
      await expectWhole()
      expect(await act.do()).toBeUndefined()
    })

    test('what needs no space is done on a full disk, and deleting gives space back', async () => {
      await home.leave(0)
      const copy = { SourceRegion: 'us-east-1', SourceSnapshotId: snapshotId }
      expect(await takeSnapshot((await lab.call('CopySnapshot', copy)).SnapshotId)).toBeUndefined()
      const named = { SourceRegion: 'us-east-1', SourceImageId: imageId, Name: 'copy' }
      expect(await takeImage((await lab.call('CopyImage', named)).ImageId)).toBeUndefined()
      expect(await kiln('image', 'push', 'data', `${line.host}/from-full:1`)).toBeUndefined()
      const usedBytes = await home.usedBytes()
      const [pulled = ''] = await imagesNamed('imported')
      await forget(pulled)
      expect(await home.usedBytes()).toBeLessThanOrEqual(usedBytes - dataBytes)
      await home.leave(plentyBytes)
      await expectWhole()
    })

    test('an instance that has no room for its disk is terminated with the reason', async () => {
      await home.leave(0)
      const launch = { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
      const id = (await lab.call('RunInstances', launch)).Instances?.[0]?.InstanceId ?? ''
      await until(async () => (await describeInstance(id))?.State?.Name === 'terminated')
      expect((await describeInstance(id))?.StateReason?.Message).toContain('The disk ran full during making the volume')
      await home.leave(plentyBytes)
      await expectWhole()
    })

    test('a chain is flattened by itself when there is room again, and until then the daemon tells why not', async () => {
      const { id: volumeId } = await createVolume({ SnapshotId: snapshotId })
      const held = await program.hold()
      for (let count = 0; count < 4; count++) {
        const files = (await readdir(join(lab.home, 'volumes', volumeId))).filter((name) => name.endsWith('.qcow2'))
        const path = join(lab.home, 'volumes', volumeId, files[0] ?? '')
        await execa('qemu-io', ['-f', 'qcow2', '-c', `write -P ${count + 1} ${count}M 4M`, path])
        const { SnapshotId: id } = await lab.call('CreateSnapshot', { VolumeId: volumeId })
        expect((await snapshotEnd(id))?.State).toBe('completed')
      }
      await held.isThere()
      await home.leave(mib)
      await held.letGo()
      await until(async () => (await lab.call('KilnGetStatus', {})).Health === 'degraded')
      const { Warnings: warnings } = await lab.call('KilnGetStatus', {})
      expect(warnings.join()).toMatch(/^layers wait to be flattened\. The disk ran full during flattening a layer/)
      await home.leave(plentyBytes)
      const deepest = async () =>
        Math.max(...(await lab.call('KilnDescribeDisks', {})).Layers.map(({ Depth }) => Depth))
      await until(async () => (await deepest()) <= 4)
      expect(await lab.call('KilnGetStatus', {})).toMatchObject({ Health: 'ok' })
      expect(await lab.kiln('disk', 'check')).toMatchObject({ exitCode: 0, stdout: '' })
    })
  },
)
