// Measures the EC2 API, each figure beside a bare HTTP server of Node that answers the same bytes in the same run, and writes the
// table into docs/performance.md.
//
//   npm run bench:api                 builds nothing: run `npm run build` first
//   npm run bench:api -- answers load only these parts of answers, load, memory and lists; nothing is written then
//
// Run it on a quiet machine: every figure is a wall clock's.
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Lab, openLab } from '../test/e2e/lab.ts'
import { type BenchLab, prepareBench } from './bench/bench-lab.ts'
import { type Figure, formatMs, milliseconds, renderFigures } from './bench/figure.ts'
import { waitForBanner } from './bench/ssh-banner.ts'
import { measureLatency, quantile, sendAtRate, startBareServer } from './bench-api/latency.ts'
import { listOperations, measureLists, plotLists } from './bench-api/list-cost.ts'
import { copiedId, multiplyRecords } from './bench-api/record-store.ts'
import { writeReport } from './bench/report.ts'
import { createSignedClient, type Endpoint, formOf } from './bench-api/signed-client.ts'

const recorded = 10_000
const listSizes = [100, 1000, 10_000, 100_000]
const machines = 5
const rate = { perSecond: 200, seconds: 60 }
const connections = 32
const manyRequests = 100_000

// Labs leave their daemons to themselves; without a reason to stay Node would end while one is waited for.
const reasonToStay = setInterval(() => undefined, 60_000)
const parts = ['answers', 'load', 'memory', 'lists'] as const
const chosen = process.argv.slice(2)
const isChosen = (part: (typeof parts)[number]) => chosen.length === 0 || chosen.includes(part)
const figures: Figure[] = []
let plot = ''
const lab = await openLab()
try {
  await lab.startDaemon()
  const bench = await prepareBench(lab)
  const sampleId = await recordSample(bench)
  await fill(lab, isChosen('answers') || isChosen('load') || isChosen('memory') ? recorded : 0)
  const endpoint = await endpointOf(lab)
  if (isChosen('answers')) await measure('answers one at a time', () => measureAnswers(endpoint))
  if (isChosen('load')) await measure(`load while ${machines} machines run`, () => measureLoad(bench, endpoint))
  if (isChosen('memory')) await measure(`memory over ${manyRequests} requests`, () => measureMemory(lab, endpoint))
  if (isChosen('lists')) plot = await measureListCost(lab)
  await bench.terminate([sampleId])
} finally {
  // What went wrong before matters more.
  await lab.close().catch((error: unknown) => process.stderr.write(`the lab could not be closed: ${String(error)}\n`))
  clearInterval(reasonToStay)
}
const report = await describeRun()
process.stdout.write(`\n${report}`)
if (chosen.length === 0) await writeReport('bench:api', report)
process.exitCode = figures.some(({ isKept }) => isKept === false) ? 1 : 0

/** Says what is being measured, and the figures as soon as they are there. */
async function measure(what: string, work: () => Promise<Figure[]>): Promise<void> {
  process.stderr.write(`${what} …\n`)
  const found = await work()
  for (const { name, value, reference } of found) process.stderr.write(`  ${name}: ${value} (${reference})\n`)
  figures.push(...found)
}

/** A stopped instance with its volume and interface, to be multiplied like what the account and the image have brought along. */
async function recordSample(bench: BenchLab): Promise<string> {
  const { id } = await bench.launch()
  await bench.stop(id)
  return id
}

/** Starts the daemon anew over so many records of each kind. */
async function fill(filled: Lab, count: number): Promise<void> {
  await filled.killDaemon()
  multiplyRecords(
    join(filled.home, 'kiln.db'),
    [...new Map(listOperations.map((kind) => [kind.table, kind])).values()],
    count,
  )
  await filled.startDaemon()
}

async function endpointOf({ call }: Lab): Promise<Endpoint> {
  const environment = await call('KilnGetEnvironment', {})
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = environment
  return { url: environment.EndpointUrl, region: environment.Region, key: { accessKeyId, secretAccessKey } }
}

function describeOne(index: number): string {
  return formOf('DescribeInstances', { 'InstanceId.1': copyAt(index) })
}

function describeTagged(): string {
  return formOf('DescribeInstances', { 'Filter.1.Name': 'tag:bench', 'Filter.1.Value.1': 'few', MaxResults: 100 })
}

function tagOne(index: number): string {
  const tag = { 'Tag.1.Key': 'Stage', 'Tag.1.Value': `value ${index}` }
  return formOf('CreateTags', { 'ResourceId.1': copyAt(index), ...tag })
}

/** The id of one of the recorded instances, another one each time. */
function copyAt(index: number): string {
  return copiedId('i-', 100 + ((index * 37) % (recorded - 200)))
}

async function measureAnswers(endpoint: Endpoint): Promise<Figure[]> {
  const cases: readonly [name: string, limitMs: number, count: number, parametersOf: (index: number) => string][] = [
    [`DescribeInstances of one among ${recorded}, p50`, 5, 300, describeOne],
    ['DescribeInstances of a page of 1000, p50', 80, 30, () => formOf('DescribeInstances', { MaxResults: 1000 })],
    [`DescribeInstances by a tag that ten of ${recorded} have, p50`, 30, 100, describeTagged],
    [
      `DescribeInstances by a wildcard over the names of ${recorded}, p50`,
      30,
      30,
      () => formOf('DescribeInstances', { 'Filter.1.Name': 'tag:Name', 'Filter.1.Value.1': '*-77?', MaxResults: 100 }),
    ],
    ['CreateTags, durable, p50', 8, 300, tagOne],
  ]
  const found: Figure[] = []
  for (const [name, limitMs, count, parametersOf] of cases) {
    const { ownMs, bareMs, bytes } = await measureLatency(endpoint, count, parametersOf)
    const size = bytes < 10_000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`
    found.push(milliseconds(name, ownMs, limitMs, `bare \`http\` server, the same ${size}: ${formatMs(bareMs)} ms`))
  }
  return found
}

/** What a team does: mostly looks, and a tag now and then. */
function mixed(index: number): string {
  switch (index % 10) {
    case 0:
      return tagOne(index)
    case 1:
      return formOf('DescribeVolumes', {
        'Filter.1.Name': 'attachment.instance-id',
        'Filter.1.Value.1': copiedId('i-', 100 + index),
      })
    case 2:
      return formOf('DescribeInstanceStatus', {})
    case 3:
    case 4:
      return describeTagged()
    case 5:
      return formOf('DescribeTags', { 'Filter.1.Name': 'resource-id', 'Filter.1.Value.1': copiedId('i-', 100 + index) })
    default:
      return describeOne(index)
  }
}

async function measureLoad(bench: BenchLab, endpoint: Endpoint): Promise<Figure[]> {
  const ids = await bench.launchMany(machines)
  await Promise.all(ids.map((id) => waitForBanner(() => bench.locateSsh(id))))
  const own = createSignedClient(endpoint, connections)
  const { body } = await own.post(describeTagged())
  const server = await startBareServer(body)
  const bare = createSignedClient({ ...endpoint, url: server.url }, connections)
  try {
    // Young code is compiled before it counts, for both.
    const warmUp = { perSecond: 100, seconds: 5 }
    await sendAtRate(own, warmUp, mixed)
    const measured = await sendAtRate(own, rate, mixed)
    await sendAtRate(bare, warmUp, mixed)
    const reference = await sendAtRate(bare, rate, mixed)
    const what = `${rate.perSecond} requests/s from ${connections} connections for ${rate.seconds} s, ${machines} machines running`
    const [firstError] = measured.errors
    return [
      {
        name: `${what}: errors`,
        value: `${measured.errors.length}${firstError ? ` (${firstError.slice(0, 80)})` : ''}`,
        limit: '0',
        isKept: measured.errors.length === 0,
        reference: `bare ${reference.errors.length}`,
      },
      milliseconds(
        `${what}: p99`,
        quantile(measured.times, 0.99),
        150,
        `bare ${formatMs(quantile(reference.times, 0.99))} ms`,
      ),
      {
        name: `${what}: p50`,
        value: `${formatMs(quantile(measured.times, 0.5))} ms`,
        reference: `bare ${formatMs(quantile(reference.times, 0.5))} ms`,
      },
    ]
  } finally {
    own.close()
    bare.close()
    await server.end()
    await bench.terminate(ids)
  }
}

/** The same mix as fast as it is answered, resident memory in between. */
async function measureMemory({ call }: Lab, endpoint: Endpoint): Promise<Figure[]> {
  const { Pid: pid } = await call('KilnGetStatus', {})
  const own = createSignedClient(endpoint, connections)
  const { body } = await own.post(describeTagged())
  const server = await startBareServer(body)
  const bare = createSignedClient({ ...endpoint, url: server.url }, connections)
  try {
    const growth = await growthOver(own, pid)
    const reference = await growthOver(bare, server.pid)
    return [
      {
        name: `daemon RSS over ${manyRequests} requests, the first tenth left out`,
        value: `${growth.text}, ${growth.perSecond} requests/s`,
        limit: '± 10 %',
        isKept: growth.part <= 0.1,
        reference: `bare ${reference.text}, ${reference.perSecond} requests/s`,
      },
    ]
  } finally {
    own.close()
    bare.close()
    await server.end()
  }
}

async function growthOver(client: ReturnType<typeof createSignedClient>, pid: number) {
  const samples: number[] = []
  const steps = 50
  let sent = 0
  const began = performance.now()
  for (let step = 0; step < steps; step++) {
    const until = (manyRequests / steps) * (step + 1)
    const ask = async () => {
      while (sent < until) await client.post(mixed(sent++ % (recorded - 200)))
    }
    await Promise.all(Array.from({ length: connections }, ask))
    samples.push(await residentMb(pid))
  }
  const seconds = (performance.now() - began) / 1000
  const counted = samples.slice(steps / 10)
  const [low, high] = [Math.min(...counted), Math.max(...counted)]
  const middle = (low + high) / 2
  return {
    text: `${Math.round(low)} to ${Math.round(high)} MB`,
    part: (high - middle) / middle,
    perSecond: Math.round(manyRequests / seconds),
  }
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1000
}

async function measureListCost(filled: Lab): Promise<string> {
  const measured = new Map<number, Map<string, number>>()
  for (const size of listSizes) {
    process.stderr.write(`lists over ${size} records …\n`)
    await fill(filled, size)
    const client = createSignedClient(await endpointOf(filled), 1)
    await measureLists(client)
    measured.set(size, await measureLists(client))
    client.close()
  }
  return plotLists(measured)
}

async function describeRun(): Promise<string> {
  const { stdout: commit } = await execa('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
  const host = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`
  return [
    `The last run, at commit ${commit}: ${host}.`,
    '',
    renderFigures(figures),
    ...(plot === '' ? [] : [`What a list costs over ${listSizes.join(', ')} records of its kind, medians:`, '', plot]),
  ].join('\n')
}
