import type { Impairments } from '../ec2/ports/impairment.ts'
import { resolverAddress } from '../ec2/ports/service-address.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessHost } from '../host/process.ts'
import { impairmentRuleset } from './impairment-ruleset.ts'
import { type Namespace, runInside } from './namespace.ts'

/** Brings what faults do to the packets of a VPC about. */
export interface Impairment {
  /** After the taps have been made. Rejects with CommandError when a fault could not be brought about, or taken away. */
  converge(vpc: VpcNetwork): Promise<void>
}

const none: Impairments = { interfaces: [], partitions: [] }

/** `mayBeImpaired`: an earlier daemon has had the namespace. */
export function createImpairment(processes: ProcessHost, namespace: Namespace, mayBeImpaired: boolean): Impairment {
  let loaded = mayBeImpaired ? undefined : impairmentRuleset(none, '')
  let mayHaveDelays = mayBeImpaired

  return {
    converge: async ({ cidr, impairments = none }) => {
      const ruleset = impairmentRuleset(impairments, resolverAddress(cidr))
      if (ruleset !== loaded) {
        await runInside(processes, namespace, ['nft', '-f', '-'], ruleset)
        loaded = ruleset
      }
      const wanted = wantedDelays(impairments)
      if (wanted.size === 0 && !mayHaveDelays) return
      mayHaveDelays = true
      // The kernel is asked: a tap that was made anew has lost its own.
      const batch = delayBatch(wanted, await runInside(processes, namespace, ['tc', 'qdisc', 'show']))
      if (batch.length > 0) await runInside(processes, namespace, ['tc', '-batch', '-'], `${batch.join('\n')}\n`)
      mayHaveDelays = wanted.size > 0
    },
  }
}

/** tc-netem(8)'s words for the delay of each tap. */
function wantedDelays({ interfaces }: Impairments): Map<string, string> {
  return new Map(
    interfaces.flatMap(({ tapName, delayMs, jitterMs }) =>
      delayMs === undefined ? [] : [[tapName, `delay ${delayMs}ms${jitterMs === undefined ? '' : ` ${jitterMs}ms`}`]],
    ),
  )
}

/**
 * Lines for `tc -batch` that lead from what `tc qdisc show` says to the delays that are wanted, by tap. tc prints lengths of time in its own
 * way (`1s` for `1000ms`), so a delay that is there is set again and not compared. Pure.
 */
export function delayBatch(wanted: ReadonlyMap<string, string>, shown: string): string[] {
  const delayed = [...shown.matchAll(/^qdisc netem \S+ dev (\S+) root/gm)].map(([, device = '']) => device)
  return [
    ...delayed.filter((device) => !wanted.has(device)).map((device) => `qdisc del dev ${device} root`),
    ...[...wanted].map(([tapName, delay]) => `qdisc replace dev ${tapName} root netem limit ${queuePackets} ${delay}`),
  ]
}

/** What is late waits: ten seconds of a thousand packets each second. */
const queuePackets = 10_000

/**
 * Why packets cannot be delayed on this host: it is tried in a namespace that goes at once. Undefined when they can. A kernel module that is
 * there but not loaded is loaded by the kernel itself.
 */
export async function findDelayProblem(processes: ProcessHost): Promise<string | undefined> {
  const shell = ['unshare', '--user', '--map-root-user', '--net', '--'] as const
  try {
    await processes.run({
      argv: [...shell, ...['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']],
      timeoutMs: probeTimeoutMs,
    })
    return undefined
  } catch {
    return 'the kernel of this host cannot delay packets: it lacks sch_netem (try `sudo modprobe sch_netem`; Fedora has it in kernel-modules-extra)'
  }
}

const probeTimeoutMs = 5000
