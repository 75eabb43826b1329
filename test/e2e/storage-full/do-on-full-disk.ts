import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../lab.ts'
import type { Act } from './acts.ts'
import { type FullLab, mib, plentyBytes, scarceBytes } from './full-lab.ts'
import { downloads, expectNothingHalf } from './whole.ts'

/** Does something while its disk runs full at the moment that it names; answers why it failed, and what is used of the state's disk more than before. */
export async function doOnFullDisk(full: FullLab, act: Act): Promise<{ reason?: string; grownBytes: number }> {
  const { home } = full
  await home.leave(plentyBytes)
  // What the one before has deleted is gone, and gives no room any more.
  await expectNothingHalf(full)
  const usedBytes = await home.usedBytes()
  const reason = await doAndFill(full, act)
  return { ...(reason === undefined ? {} : { reason }), grownBytes: (await home.usedBytes()) - usedBytes }
}

async function doAndFill(full: FullLab, act: Act): Promise<string | undefined> {
  const { lab, line, program } = full
  const { disk = 'home', leaveBytes = scarceBytes, when = 'qemu-img' } = act
  const fill = () => full[disk].leave(leaveBytes)
  switch (when) {
    case 'before':
      await fill()
      return await act.do(full)
    case 'blob': {
      const held = line.holdNext('GET', '/blobs/', mib)
      const doing = act.do(full)
      const endsEarly = doing.then((early) => Promise.reject(new Error(`it has ended: ${early}`)))
      const goOn = await Promise.race([held, endsEarly])
      // The space for all of it was asked for before the first byte is written.
      await until(async () => (await sizesIn(join(lab.home, ...downloads))).some((size) => size > 0))
      await fill()
      goOn()
      return await doing
    }
    case 'qemu-img': {
      const held = await program.hold()
      const doing = act.do(full)
      await held.isThere()
      await fill()
      await held.letGo()
      return await doing
    }
  }
}

async function sizesIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((): string[] => [])
  return await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
}
