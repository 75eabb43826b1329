import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { median } from '../bench/figure.ts'

/** What one end does over TCP with the other. */
export interface TcpRates {
  readonly bytesPerSecond: number
  /** There and half of the way back, as qperf(1) counts. */
  readonly latencyUs: number
}

/** The argv prefix that runs a program at one end. */
export type Place = readonly string[]

/** A qperf that waits at one end, until it is ended. */
export async function serveQperf(place: Place): Promise<{ end(): Promise<void> }> {
  const [program, ...rest] = [...place, 'qperf']
  const child = spawn(program, rest, { stdio: 'ignore' })
  await once(child, 'spawn')
  return {
    end: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Measures from one end to the qperf at the other for some seconds. */
export async function askQperf(place: Place, host: string, seconds: number): Promise<TcpRates> {
  const [program, ...rest] = [...place, 'qperf', '-uu', '-t', String(seconds), '--wait_server', '5', host]
  const { stdout } = await execa(program, [...rest, 'tcp_bw', 'tcp_lat'])
  const bytesPerSecond = Number(/bw\s*=\s*([\d.e+]+) bytes\/sec/.exec(stdout)?.[1])
  const latencyNs = Number(/latency\s*=\s*([\d.e+]+) ns/.exec(stdout)?.[1])
  if (!(bytesPerSecond > 0 && latencyNs > 0)) throw new Error(`qperf said: ${stdout}`)
  return { bytesPerSecond, latencyUs: latencyNs / 1000 }
}

/** Several ways in turn, so that a host whose speed changes tells on all; the medians of each. */
export async function compareTcp(
  ways: readonly (() => Promise<TcpRates>)[],
  rounds: number,
): Promise<readonly TcpRates[]> {
  const found = ways.map((): TcpRates[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, way] of ways.entries()) found[index]?.push(await way())
  }
  return found.map((rates) => ({
    bytesPerSecond: median(rates.map(({ bytesPerSecond }) => bytesPerSecond)),
    latencyUs: median(rates.map(({ latencyUs }) => latencyUs)),
  }))
}
