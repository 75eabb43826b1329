import type { DroppedPackets } from '../ec2/ports/network.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { readDroppedPackets } from './dropped-packets.ts'
import { familiesOf } from './family.ts'
import { createFirewall } from './firewall.ts'
import { guardRuleset } from './guard-ruleset.ts'
import { closedBlocksOf, closedNetworksOf, type HostFacts } from './host-facts.ts'
import { createImpairment } from './impairment.ts'
import { addRoutingTables, type AddedTables } from './kernel-routing.ts'
import { createNamespaceBroker, type NamespaceBroker } from './namespace-broker.ts'
import type { Namespace } from './namespace.ts'
import { createNatGateways } from './nat-gateway.ts'
import { createQuickRunner } from './quick-runner.ts'
import { convergeRouter, type TapProblems } from './router.ts'
import { routingOf } from './routing-table.ts'
import { vpcRuleset } from './ruleset.ts'
import { endProcess, type VpcProcesses } from './vpc-processes.ts'
import { createVpcServices, type VpcServicesDependencies } from './vpc-services.ts'

/** What this daemon holds of a VPC that has a namespace. Its calls are made one after the other. */
export interface LiveVpc {
  readonly namespace: Namespace
  readonly broker: NamespaceBroker
  /**
   * Brings taps and firewall to what is told; what guests need once they have booted follows on its own: routing, leases and names,
   * metadata service, way out. One part that fails keeps no other from its work; rejects with the first failure.
   */
  converge(vpc: VpcNetwork, host: HostFacts): Promise<void>
  /** Whether something died or changed underneath, so that `converge` has something to do. */
  needsAttention(host: HostFacts): Promise<boolean>
  /** Processes that live in the namespace besides the machines and the holder. */
  inhabitants(): readonly ProcessIdentity[]
  /** Why a tap could not be made; undefined when it is there. */
  tapProblem(tapName: string): string | undefined
  warnings(): string[]
  /** What interfaces have sent in vain, by tap. */
  dropped(): Promise<ReadonlyMap<string, DroppedPackets>>
  /** Closes what is the daemon's own: the namespace and its processes go on. */
  leave(): void
  /** Tells what was counted of its flows since the last time. */
  readFlows(): Promise<void>
  /** Ends all processes of the VPC but the machines. */
  end(): Promise<void>
}

export interface LiveVpcDependencies extends VpcServicesDependencies {
  /** That each interface may send to link-local services. */
  readonly linkLocalPacketsPerSecond: number
  /** Whether guests reach the networks that the host is directly connected to by the way out; its own addresses they never do. */
  readonly reachesLan: boolean
}

/** `adopted` are the processes that an earlier daemon left in the namespace. */
export function createLiveVpc(
  dependencies: LiveVpcDependencies,
  namespace: Namespace,
  adopted?: VpcProcesses,
): LiveVpc {
  const { processes, clock, log } = dependencies
  const { vpcId } = namespace
  const broker = createNamespaceBroker(processes, namespace.enter)
  const runQuick = createQuickRunner(processes, namespace, broker)
  const firewall = createFirewall(processes, namespace, runQuick)
  const impairment = createImpairment(processes, namespace, adopted !== undefined)
  const natGateways = createNatGateways(dependencies, namespace, adopted?.natHolders)
  const services = createVpcServices(dependencies, namespace, broker, adopted)
  let hasFailed = false
  let isConverging = false
  /** What it was last brought to. */
  let knownHost = ''
  let tapProblems: TapProblems = new Map()
  let ruleProblems: readonly string[] = []
  let faultProblem: string | undefined
  let routeProblems: readonly string[] = []
  /** Whether the namespace may have routing tables of its own. */
  let hasTables = adopted !== undefined

  function rulesetOf(vpc: VpcNetwork, host: HostFacts): string {
    const guard = guardRuleset(vpc, dependencies.linkLocalPacketsPerSecond)
    // In one go: each program that a launch starts costs.
    return `${guard}${vpcRuleset(vpc, closedBlocksOf(closedNetworksOf(host, dependencies.reachesLan)))}`
  }

  /** What the packets go by. Only routes besides those to guests and to the internet must be there before the firewall marks for them. */
  async function convergePaths(vpc: VpcNetwork, host: HostFacts): Promise<PromiseSettledResult<unknown>[]> {
    const router = () =>
      convergeRouter(processes, namespace, vpc, runQuick).then((problems) => (tapProblems = problems))
    const rules = () => firewall.load(rulesetOf(vpc, host)).then((problems) => (ruleProblems = problems))
    const routing = routingOf(vpc)
    if (!hasTables && routing.tables.length === 0) return await Promise.allSettled([router(), rules()])
    hasTables = true
    const natProblems = await natGateways.converge(vpc)
    let added: AddedTables | undefined
    const tables = async () => {
      added = await addRoutingTables(processes, namespace, routing, familiesOf(vpc))
      routeProblems = [...natProblems, ...added.problems]
    }
    const results: PromiseSettledResult<unknown>[] = []
    for (const step of [router, tables, rules]) results.push(...(await Promise.allSettled([step()])))
    // A table that packets may still be marked for stays.
    if (results.every(({ status }) => status === 'fulfilled')) {
      await added?.prune()
      hasTables = routing.tables.length > 0
    }
    return results
  }

  /** A fault that cannot be had is a warning: it keeps nothing from its work. */
  async function imposeFaults(vpc: VpcNetwork): Promise<void> {
    try {
      await impairment.converge(vpc)
      faultProblem = undefined
    } catch (error) {
      faultProblem = `faults have no effect: ${error instanceof Error ? error.message : String(error)}`
      log.error({ vpcId, err: error }, 'faults could not be brought about')
    }
  }

  function leave(): void {
    services.leave()
    broker.close()
  }

  return {
    namespace,
    broker,
    converge: async (vpc, host) => {
      isConverging = true
      knownHost = JSON.stringify(host)
      await services.update(vpc)
      const results = await convergePaths(vpc, host)
      await imposeFaults(vpc)
      services.converge(vpc, host)
      isConverging = false
      hasFailed = results.some(({ status }) => status === 'rejected')
      for (const result of results) if (result.status === 'rejected') throw result.reason
      for (const problem of [...tapProblems.values(), ...ruleProblems, ...routeProblems])
        log.error({ vpcId, problem }, 'network is impaired')
    },
    needsAttention: async (host) =>
      !isConverging &&
      (hasFailed ||
        tapProblems.size > 0 ||
        faultProblem !== undefined ||
        routeProblems.length > 0 ||
        (await natGateways.needsAttention()) ||
        knownHost !== JSON.stringify(host) ||
        (await services.needsAttention(host))),
    inhabitants: () => services.inhabitants(),
    tapProblem: (tapName) => tapProblems.get(tapName),
    warnings: () => [
      ...tapProblems.values(),
      ...ruleProblems,
      ...routeProblems,
      ...services.warnings(),
      ...(faultProblem === undefined ? [] : [faultProblem]),
    ],
    readFlows: () => services.readFlows(),
    dropped: async () => await readDroppedPackets(processes, namespace),
    leave,
    end: async () => {
      leave()
      await services.end()
      await natGateways.end()
      await endProcess(clock, namespace.holder, 'SIGKILL')
    },
  }
}
