import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './lab.ts'
import { acts } from './storage-full/acts.ts'
import { doOnFullDisk } from './storage-full/do-on-full-disk.ts'
import { dataBytes, type FullLab, mib, openFullLab, plentyBytes } from './storage-full/full-lab.ts'
import {
  createVolume,
  describeInstance,
  endOfSnapshot,
  findImages,
  forgetImage,
  takeImage,
  takeSnapshot,
  tryKiln,
} from './storage-full/outcome.ts'
import { expectWhole } from './storage-full/whole.ts'

/** What the database and the log may have grown by. */
const recordBytes = 2 * mib

// A small file system can be had by root only; the daemon on it is the ordinary user's.
describe.skipIf(process.getuid?.() !== 0)(
  'work that finds the disk full in its midst (needs root to mount one)',
  () => {
    let full: FullLab
    beforeAll(async () => {
      full = await openFullLab()
    })
    afterAll(async () => {
      expect(await full.close()).toEqual([])
    })

    test.each(acts)('%s fails with the reason, leaves nothing, and succeeds when there is room', async (_what, act) => {
      const disk = full[act.disk ?? 'home']
      const { reason, grownBytes } = await doOnFullDisk(full, act)
      expect(reason).toMatch(
        /disk ran full during .+ where \/\S+ is\. Free some there|there is no space left\. Free some there/,
      )
      expect(reason).toContain(act.told ?? disk.path)
      expect(grownBytes).toBeLessThan(recordBytes)
      await full.home.leave(plentyBytes)
      await disk.leave(plentyBytes)
      await expectWhole(full)
      expect(await act.do(full)).toBeUndefined()
    })

    test('what needs no space is done on a full disk, and deleting gives space back', async () => {
      const { lab, home, snapshotId, imageId, line } = full
      await home.leave(0)
      const copy = { SourceRegion: 'us-east-1', SourceSnapshotId: snapshotId }
      expect(await takeSnapshot(lab, (await lab.call('CopySnapshot', copy)).SnapshotId)).toBeUndefined()
      const named = { SourceRegion: 'us-east-1', SourceImageId: imageId, Name: 'copy' }
      expect(await takeImage(lab, (await lab.call('CopyImage', named)).ImageId)).toBeUndefined()
      expect(await tryKiln(lab, 'image', 'push', 'data', `${line.host}/from-full:1`)).toBeUndefined()
      const usedBytes = await home.usedBytes()
      const [pulled = ''] = await findImages(lab, 'imported')
      await forgetImage(lab, pulled)
      expect(await home.usedBytes()).toBeLessThanOrEqual(usedBytes - dataBytes)
      await home.leave(plentyBytes)
      await expectWhole(full)
    })

    test('an instance that has no room for its disk is terminated with the reason', async () => {
      const { lab, home, imageId } = full
      await home.leave(0)
      const launch = { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
      const id = (await lab.call('RunInstances', launch)).Instances?.[0]?.InstanceId ?? ''
      await until(async () => (await describeInstance(lab, id))?.State?.Name === 'terminated')
      const reason = (await describeInstance(lab, id))?.StateReason?.Message
      expect(reason).toContain('The disk ran full during making the volume')
      await home.leave(plentyBytes)
      await expectWhole(full)
    })

    test('a chain is flattened by itself when there is room again, and until then the daemon tells why not', async () => {
      const { lab, home, program, snapshotId } = full
      const { id: volumeId } = await createVolume(lab, { SnapshotId: snapshotId })
      const held = await program.hold()
      for (let count = 0; count < 4; count++) {
        const files = (await readdir(join(lab.home, 'volumes', volumeId))).filter((name) => name.endsWith('.qcow2'))
        const path = join(lab.home, 'volumes', volumeId, files[0] ?? '')
        await execa('qemu-io', ['-f', 'qcow2', '-c', `write -P ${count + 1} ${count}M 4M`, path])
        const { SnapshotId: id } = await lab.call('CreateSnapshot', { VolumeId: volumeId })
        expect((await endOfSnapshot(lab, id))?.State).toBe('completed')
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
