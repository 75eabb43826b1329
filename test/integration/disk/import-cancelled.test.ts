import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

const stages = ['Unpacking', 'Converting', 'Verifying'] as const

async function makePacked(lab: DiskLab): Promise<string> {
  await lab.run('gzip', '-1', await lab.makeRaw('disk.raw'))
  return lab.path('disk.raw.gz')
}

test.each(stages)('an import cancelled at "%s" leaves nothing', async (stage) => {
  const lab = await createDiskLab()
  const controller = new AbortController()
  const importing = lab.disks.importLayer(await makePacked(lab), join(lab.layers, 'layer-1'), {
    signal: controller.signal,
    onProgress: (progress) => {
      if (progress.stage === stage) controller.abort()
    },
  })
  await expect(importing).rejects.toThrow()
  expect(await lab.listLayers()).toEqual([])
})

test('an import that is killed leaves only its staging directory, which the next start removes', async () => {
  const lab = await createDiskLab()
  const source = await makePacked(lab)
  const finished = await lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork())
  const script = `
    import { createDiskHost } from ${JSON.stringify(new URL('../../../src/disk/disk-host.ts', import.meta.url).pathname)}
    import { createProcessHost } from ${JSON.stringify(new URL('../../../src/host/process.ts', import.meta.url).pathname)}
    import { systemClock } from ${JSON.stringify(new URL('../../../src/host/clock.ts', import.meta.url).pathname)}
    import { systemRandom } from ${JSON.stringify(new URL('../../../src/host/random.ts', import.meta.url).pathname)}
    import { createKeyring } from ${JSON.stringify(new URL('../../../src/disk/keyring.ts', import.meta.url).pathname)}
    const disks = createDiskHost({ processes: createProcessHost(), clock: systemClock, random: systemRandom, keyring: createKeyring('/nonexistent', systemRandom), downloadsDirectory: '/nonexistent', maximumVirtualBytes: ${64 * mib} })
    await disks.importLayer(${JSON.stringify(source)}, ${JSON.stringify(join(lab.layers, 'layer-2'))}, {
      signal: new AbortController().signal,
      onProgress: ({ stage }) => { if (stage === 'Converting' || stage === 'Verifying') process.kill(process.pid, 'SIGKILL') },
    })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  expect(await lab.listLayers()).toEqual(['layer-1', 'layer-2.importing'])

  await lab.disks.removeInterrupted(lab.layers)
  expect(await lab.listLayers()).toEqual(['layer-1'])
  expect(await lab.contentOf(finished.path, 'qcow2')).toMatch(/^[0-9a-f]{64}$/)
})

test('an import takes the place of what an interrupted one left', async () => {
  const lab = await createDiskLab()
  await lab.run('mkdir', '-p', 'layers/layer-1.importing')
  await lab.run('touch', 'layers/layer-1.importing/disk.qcow2')
  await lab.disks.importLayer(await makePacked(lab), join(lab.layers, 'layer-1'), quietWork())
  expect(await lab.listLayers()).toEqual(['layer-1'])
})
