import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { until } from '../../test/e2e/lab.ts'
import { type Figure, median } from '../bench/figure.ts'
import { chainOf, type StorageLab, waitForVolume, warm } from './storage-lab.ts'

const generations = 16
const volumeGib = 1
/** Each generation writes so many pieces of 1 MiB, spread over the volume so that every layer holds some of what is read. */
const piecesPerGeneration = 96
const reads = 60_000
const writtenMib = 512
const rounds = 5
const leastShare = 0.9
/** What is left of a chain that was flattened. */
const shortChain = 2
/** A multiple of 4 KiB that leads through the whole volume before it comes to the same place again. */
const scatteredStep = 4096 * 104_729

/** So that the chain is there to be measured first. */
export const neverFlatten = 'storage: { flattenDepth: 64 }\n'

/** Rates of what was read and written through a qcow2. */
interface Rates {
  readonly readsPerSecond: number
  readonly writtenMibPerSecond: number
}

/**
 * Reads and writes through a volume that stands on 16 layers, before and after the daemon has flattened them, beside the same data in one
 * flat qcow2. By `qemu-img bench` on files that are in the host's memory: it is the tables that are measured, not the host's disk.
 */
export async function measureChain(storage: StorageLab): Promise<Figure[]> {
  const { lab, servers, zone } = storage
  const id = await storage.launchNano(1)
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { Size: volumeGib, AvailabilityZone: zone })
  await waitForVolume(lab, volumeId, 'available')
  await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: id, Device: '/dev/sdf' })
  await servers.run(id, 'while [ ! -b /dev/vdb ]; do sleep 0.1; done')
  for (let generation = 0; generation < generations; generation++) {
    await servers.run(id, writePieces(generation))
    const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: volumeId })
    await until(async () => {
      const { Snapshots: snapshots } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
      return snapshots?.[0]?.State === 'completed'
    })
  }
  await lab.call('DetachVolume', { VolumeId: volumeId })
  await waitForVolume(lab, volumeId, 'available')
  await storage.terminate([id])

  const layer = await layerUnder(storage, volumeId)
  const scratch = join(lab.home, 'bench-chain')
  await mkdir(scratch)
  const flat = join(scratch, 'flat.qcow2')
  await execa('qemu-img', ['convert', '-f', 'qcow2', '-O', 'qcow2', layer, flat])
  const before = await measureInTurn(scratch, layer, flat)
  await flattenNow(storage, layer)
  const after = await measureInTurn(scratch, layer, flat)
  return [
    ...compare(`before, ${generations} layers`, before, undefined),
    ...compare('after flattening', after, leastShare),
  ]
}

/**
 * Pieces that no other generation writes in the same order, so that layers lie over and between each other. One random piece is written
 * again and again: qcow2 does not look at what it stores, and an emulated processor makes random numbers slowly.
 */
function writePieces(generation: number): string {
  const pieces = Array.from({ length: piecesPerGeneration }, (_, index) => (index * 37 + generation * 11) % 1024)
  return [
    'dd if=/dev/urandom of=/tmp/piece bs=1M count=1 2>/dev/null',
    `for piece in ${pieces.join(' ')}; do sudo dd if=/tmp/piece of=/dev/vdb bs=1M seek=$piece conv=notrunc 2>/dev/null; done`,
    'sudo sync',
  ].join('; ')
}

/** The uppermost layer: the volume's own overlay is empty since the last snapshot. */
async function layerUnder({ lab }: StorageLab, volumeId: string): Promise<string> {
  const directory = join(lab.home, 'volumes', volumeId)
  const overlay = (await readdir(directory)).find((name) => name.endsWith('.qcow2'))
  const [, layer] = overlay === undefined ? [] : await chainOf(join(directory, overlay))
  if (layer === undefined) throw new Error(`${volumeId} stands on nothing`)
  return layer
}

/** Starts the daemon anew with the configuration that users have, and waits until the chain is short. */
async function flattenNow({ lab }: StorageLab, layer: string): Promise<void> {
  await lab.killDaemon()
  const path = join(lab.home, 'config.yaml')
  await writeFile(path, (await readFile(path, 'utf8')).replace(neverFlatten, ''))
  await lab.startDaemon()
  await until(async () => (await chainOf(layer)).length <= shortChain)
}

/** One and the other in turn: a host whose speed changes tells on both. */
async function measureInTurn(scratch: string, chain: string, flat: string): Promise<{ chain: Rates; flat: Rates }> {
  for (const path of [...(await chainOf(chain)), flat]) await warm(path)
  const found = { chain: [] as Rates[], flat: [] as Rates[] }
  for (let round = 0; round < rounds; round++) {
    found.chain.push(await measureOne(scratch, chain))
    found.flat.push(await measureOne(scratch, flat))
  }
  const middle = (rates: readonly Rates[]): Rates => ({
    readsPerSecond: median(rates.map(({ readsPerSecond }) => readsPerSecond)),
    writtenMibPerSecond: median(rates.map(({ writtenMibPerSecond }) => writtenMibPerSecond)),
  })
  return { chain: middle(found.chain), flat: middle(found.flat) }
}

/** As a volume has it: an empty overlay over what is measured. */
async function measureOne(scratch: string, base: string): Promise<Rates> {
  const overlay = join(scratch, 'overlay.qcow2')
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', overlay])
  const readSeconds = await runBench(overlay, ['-c', String(reads), '-s', '4096', '-S', String(scatteredStep)])
  const writes = writtenMib * 16
  const writeSeconds = await runBench(overlay, ['-w', '-c', String(writes), '-s', '65536', '-S', '65536'])
  return { readsPerSecond: reads / readSeconds, writtenMibPerSecond: writtenMib / writeSeconds }
}

/** Seconds that `qemu-img bench` tells. */
async function runBench(path: string, args: readonly string[]): Promise<number> {
  const { stdout } = await execa('qemu-img', ['bench', '-f', 'qcow2', '-t', 'writeback', '-d', '16', ...args, path])
  const seconds = Number(/Run completed in ([\d.]+) seconds/.exec(stdout)?.[1])
  if (!(seconds > 0)) throw new Error(`qemu-img bench said: ${stdout}`)
  return seconds
}

function compare(when: string, found: { chain: Rates; flat: Rates }, least: number | undefined): Figure[] {
  const figure = (what: string, unit: string, value: number, flat: number): Figure => ({
    name: `${what}, ${when}`,
    value: `${Math.round(value)} ${unit}, ${Math.round((value / flat) * 100)} % of flat`,
    ...(least === undefined ? {} : { limit: `≥ ${least * 100} %`, isKept: value / flat >= least }),
    reference: `one flat qcow2 ${Math.round(flat)} ${unit}`,
  })
  const { chain, flat } = found
  return [
    figure('random 4 KiB reads', 'reads/s', chain.readsPerSecond, flat.readsPerSecond),
    figure('sequential writes', 'MiB/s', chain.writtenMibPerSecond, flat.writtenMibPerSecond),
  ]
}
