import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitForImage } from '../images.ts'
import type { Lab } from '../lab.ts'
import { countingBootSector } from './counting-disk.ts'

/** Gives a lab the image of the machine that counts, which writes as soon as it runs; answers its id and the disk that it was imported from. */
export async function provideCountingImage(lab: Lab): Promise<{ imageId: string; importSource: string }> {
  const importSource = join(lab.home, 'counting.raw')
  const disk = Buffer.alloc(4 * 1024 ** 2)
  Buffer.from(countingBootSector).copy(disk)
  disk.writeUInt16LE(0xaa55, 510)
  await writeFile(importSource, disk, { mode: 0o644 })
  const { TaskId: taskId } = await lab.call('KilnImportImage', { Source: importSource, Name: 'counting' })
  return { imageId: await waitForImage(lab, taskId), importSource }
}
