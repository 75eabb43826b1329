// Measures what users wait for, each figure beside its reference of the same run, and prints a Markdown table.
//
//   npm run bench                 builds nothing: run `npm run build` first
//   npm run bench -- start crowd  only these parts of launch, boot, crowd and start
//
// Run it on a quiet machine: every figure is a wall clock's. docs/performance.md keeps the last table and says on what it was taken.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { openLab } from '../test/e2e/lab.ts'
import { type BenchLab, prepareBench } from './bench/bench-lab.ts'
import { type Figure, formatMs, median, milliseconds, renderFigures } from './bench/figure.ts'
import { startBareQemu } from './bench/bare-qemu.ts'
import { fillStore } from './bench/fill-store.ts'
import { waitForBanner } from './bench/ssh-banner.ts'

const launches = 20
const boots = 5
const crowd = 20
const recordedInstances = 1000
const starts = 5
/** Below those that the kernel gives to outgoing connections. */
const basePort = 21_200

const scratch = await mkdtemp('/tmp/kiln-bench-')
// Labs leave their daemons to themselves; without a reason to stay Node would end while one is waited for.
const reasonToStay = setInterval(() => undefined, 60_000)
const figures: Figure[] = []
const chosen = process.argv.slice(2)
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part)
try {
  const lab = await openLab()
  try {
    await lab.startDaemon()
    const bench = await prepareBench(lab)
    if (isChosen('launch')) await measure('launching one by one', () => measureLaunches(bench))
    if (isChosen('boot')) await measure('booting beside a bare QEMU', () => measureBoots(bench))
    if (isChosen('crowd')) await measure(`booting ${crowd} at once`, () => measureCrowd(bench))
  } finally {
    await lab.close()
  }
  if (isChosen('start')) {
    await measure(`starting the daemon with ${recordedInstances} recorded instances`, measureStart)
  }
} finally {
  clearInterval(reasonToStay)
  await rm(scratch, { recursive: true, force: true })
}
const { stdout: qemu } = await execa('qemu-system-x86_64', ['--version'])
process.stdout.write(
  `\n${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${qemu.split('\n')[0] ?? ''}\n\n`,
)
process.stdout.write(renderFigures(figures))
process.exitCode = figures.some(({ isKept }) => isKept === false) ? 1 : 0

/** Says what is being measured, and the figures as soon as they are there. */
async function measure(what: string, work: () => Promise<Figure[]>): Promise<void> {
  process.stderr.write(`${what} …\n`)
  const found = await work()
  for (const { name, value } of found) process.stderr.write(`  ${name}: ${value}\n`)
  figures.push(...found)
}

/** One instance after the other: the answer, QEMU's start, the root disk. */
async function measureLaunches(bench: BenchLab): Promise<Figure[]> {
  const answered: number[] = []
  const executed: number[] = []
  const disks: number[] = []
  // The first launch makes the VPC's namespace and asks for the accelerator; it is told by itself.
  const first = await launchAndEnd(bench)
  for (let count = 0; count < launches; count++) {
    const launch = await launchAndEnd(bench)
    answered.push(launch.answeredMs)
    executed.push(launch.executedMs)
    disks.push(launch.diskMs)
  }
  const bareDisk = await measureBareDisk(bench.imagePath)
  const bareExec = await measureBareExec()
  return [
    milliseconds(`RunInstances answered (median of ${launches})`, median(answered), 50, 'none: nobody answers'),
    milliseconds(
      'QEMU executed after the call',
      median(executed),
      150,
      `\`qemu-system-x86_64 --version\` ${formatMs(bareExec)} ms`,
    ),
    milliseconds('root disk made', median(disks), 30, `\`qemu-img create\` by itself ${formatMs(bareDisk)} ms`),
    {
      name: 'QEMU executed after the first call of a VPC',
      value: `${formatMs(first.executedMs)} ms`,
      reference: 'as above',
    },
  ]
}

async function launchAndEnd(bench: BenchLab): Promise<{ answeredMs: number; executedMs: number; diskMs: number }> {
  const { id, answeredMs } = await bench.launch()
  const stages = await bench.waitForStages(id, ['disk', 'qemu'])
  await bench.terminate([id])
  return {
    answeredMs,
    executedMs: (stages.get('qemu') ?? Number.NaN) * 1000,
    diskMs: (stages.get('disk') ?? Number.NaN) * 1000,
  }
}

async function measureBareDisk(image: string): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < launches; count++) {
    const began = performance.now()
    const path = join(scratch, `disk-${count}.qcow2`)
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', path, '8G'])
    times.push(performance.now() - began)
  }
  return median(times)
}

async function measureBareExec(): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < launches; count++) {
    const began = performance.now()
    await execa('qemu-system-x86_64', ['--version'])
    times.push(performance.now() - began)
  }
  return median(times)
}

/** A boot by Kiln and one by a bare QEMU in turn. */
async function measureBoots(bench: BenchLab): Promise<Figure[]> {
  const own: number[] = []
  const bare: number[] = []
  for (let count = 0; count < boots; count++) {
    let began = performance.now()
    const { id } = await bench.launch()
    await waitForBanner(() => bench.locateSsh(id))
    own.push(performance.now() - began)
    await bench.terminate([id])
    began = performance.now()
    const machine = await startBare(bench, count)
    await waitForBanner(() => machine.locateSsh())
    bare.push(performance.now() - began)
    await machine.end()
  }
  const ratio = median(own) / median(bare)
  return [
    {
      name: `call → SSH banner of nano (median of ${boots})`,
      value: `${formatMs(median(own))} ms, ${ratio.toFixed(2)} × bare`,
      limit: '≤ 1.25 × bare',
      isKept: ratio <= 1.25,
      reference: `bare QEMU, same image ${formatMs(median(bare))} ms`,
    },
  ]
}

async function startBare(bench: BenchLab, index: number) {
  return await startBareQemu({
    image: bench.imagePath,
    overlay: join(scratch, `bare-${index}.qcow2`),
    port: basePort + index,
    accelerator: bench.accelerator,
  })
}

async function measureCrowd(bench: BenchLab): Promise<Figure[]> {
  const idleMib = await residentMib(bench.daemonPid)
  let began = performance.now()
  const ids = await bench.launchMany(crowd)
  await Promise.all(ids.map((id) => waitForBanner(() => bench.locateSsh(id))))
  const ownMs = performance.now() - began
  const busyMib = await residentMib(bench.daemonPid)
  await bench.terminate(ids)
  began = performance.now()
  const machines = await Promise.all(Array.from({ length: crowd }, (_, index) => startBare(bench, 100 + index)))
  await Promise.all(machines.map((machine) => waitForBanner(() => machine.locateSsh())))
  const bareMs = performance.now() - began
  await Promise.all(machines.map((machine) => machine.end()))
  const nodeMib = await measureBareNode()
  const memory = (name: string, mib: number): Figure => ({
    name,
    value: `${Math.round(mib)} MB`,
    limit: '≤ 130 MB',
    isKept: mib <= 130,
    reference: `\`node\` doing nothing ${Math.round(nodeMib)} MB`,
  })
  return [
    {
      name: `${crowd} nano at once: all reach SSH`,
      value: `${ids.length} of ${crowd} in ${(ownMs / 1000).toFixed(1)} s`,
      limit: `${crowd}`,
      isKept: ids.length === crowd,
      reference: `${crowd} bare QEMU ${(bareMs / 1000).toFixed(1)} s`,
    },
    memory('daemon RSS with no machine', idleMib),
    memory(`daemon RSS with ${crowd} machines`, busyMib),
  ]
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1000
}

async function measureBareNode(): Promise<number> {
  const subprocess = execa(process.execPath, ['-e', 'setTimeout(() => undefined, 60000)'], { reject: false })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const mib = await residentMib(subprocess.pid ?? 0)
  subprocess.kill()
  await subprocess
  return mib
}

/** From the start of the process until the socket answers. */
async function measureStart(): Promise<Figure[]> {
  const lab = await openLab()
  try {
    await lab.startDaemon()
    const bench = await prepareBench(lab)
    const { id } = await bench.launch()
    await bench.stop(id)
    await lab.killDaemon()
    fillStore(join(lab.home, 'kiln.db'), id, recordedInstances)
    const times: number[] = []
    for (let count = 0; count < starts; count++) {
      const began = performance.now()
      await lab.startDaemon()
      times.push(performance.now() - began)
      const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
      if (reservations.length < recordedInstances) throw new Error('the recorded instances are not there')
      if (count < starts - 1) await lab.killDaemon()
    }
    const nodeMs = await measureBareNodeStart()
    const figure = milliseconds(
      `daemon ready with ${recordedInstances} recorded instances (median of ${starts})`,
      median(times),
      1000,
      `\`node -e 0\` ${formatMs(nodeMs)} ms`,
    )
    return [figure]
  } finally {
    await lab.close()
  }
}

async function measureBareNodeStart(): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < starts; count++) {
    const began = performance.now()
    await execa(process.execPath, ['-e', '0'])
    times.push(performance.now() - began)
  }
  return median(times)
}
