import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createSignedClient, type Endpoint, type SignedClient } from './signed-client.ts'

/** The value that this part of all values does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN
}

/** A bare HTTP server that answers these bytes to everything. */
export interface BareServer {
  readonly url: string
  readonly pid: number
  end(): Promise<void>
}

/** Starts scripts/bench-api/bare-server.ts. */
export async function startBareServer(bytes: Buffer): Promise<BareServer> {
  const scratch = await mkdtemp('/tmp/kiln-bench-bare-')
  const file = join(scratch, 'answer.xml')
  await writeFile(file, bytes)
  const program = join(import.meta.dirname, 'bare-server.ts')
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', program, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!child.stdout || child.pid === undefined) throw new Error('the bare server did not start')
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    end: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
      await rm(scratch, { recursive: true })
    },
  }
}

/** Medians in milliseconds of one request at a time. */
export interface Latency {
  readonly ownMs: number
  readonly bareMs: number
  readonly bytes: number
}

const warmUps = 20

/** Kiln and the bare server, which answers the same bytes, in turn: a host whose speed changes tells on both. */
export async function measureLatency(
  endpoint: Endpoint,
  count: number,
  parametersOf: (index: number) => string,
): Promise<Latency> {
  const own = createSignedClient(endpoint, 1)
  const { body } = await own.post(parametersOf(0))
  const server = await startBareServer(body)
  const bare = createSignedClient({ ...endpoint, url: server.url }, 1)
  try {
    const times = { own: [] as number[], bare: [] as number[] }
    for (let index = 0; index < count + warmUps; index++) {
      const parameters = parametersOf(index)
      const { ms: ownMs } = await own.post(parameters)
      const { ms: bareMs } = await bare.post(parameters)
      if (index < warmUps) continue
      times.own.push(ownMs)
      times.bare.push(bareMs)
    }
    return { ownMs: quantile(times.own, 0.5), bareMs: quantile(times.bare, 0.5), bytes: body.length }
  } finally {
    own.close()
    bare.close()
    await server.end()
  }
}

/** Sends requests at a fixed rate, whether or not earlier ones are answered; times count from when each was due. */
export async function sendAtRate(
  client: SignedClient,
  { perSecond, seconds }: { perSecond: number; seconds: number },
  parametersOf: (index: number) => string,
): Promise<{ times: number[]; errors: string[] }> {
  const times: number[] = []
  const errors: string[] = []
  const pending: Promise<void>[] = []
  const began = performance.now()
  for (let index = 0; index < perSecond * seconds; index++) {
    const dueMs = began + (index * 1000) / perSecond
    const aheadMs = dueMs - performance.now()
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
    pending.push(
      client.post(parametersOf(index)).then(
        () => void times.push(performance.now() - dueMs),
        (error: unknown) => void errors.push(String(error)),
      ),
    )
  }
  await Promise.all(pending)
  return { times, errors }
}
