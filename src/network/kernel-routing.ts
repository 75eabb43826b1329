import { z } from 'zod'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { type Family, ipv4 } from './family.ts'
import { type Namespace, runInside } from './namespace.ts'
import type { Routing, RoutingTable } from './routing-table.ts'

/** What a namespace's kernel has besides its main table, of one family. */
export interface KernelRouting {
  /** The numbers of the tables that packets with a mark of the same number are led to. */
  readonly rules: ReadonlySet<number>
  /** Routes by table, each as `ip route` takes it. */
  readonly tables: ReadonlyMap<number, ReadonlySet<string>>
}

const priority = 1000
/** That of a route of IPv6 to which nobody has given one. */
const ipv6Metric = 1024

const ruleSchema = z.object({
  priority: z.number(),
  fwmark: z.string().optional(),
  table: z.string().optional(),
})
const routeSchema = z.object({
  type: z.string().optional(),
  dst: z.string(),
  gateway: z.string().optional(),
  dev: z.string().optional(),
  table: z.string().optional(),
  metric: z.number().optional(),
  flags: z.array(z.string()).default([]),
})

/** What came of adding, and what is left to take away. */
export interface AddedTables {
  /** What could not be had. */
  readonly problems: readonly string[]
  /** Takes away the tables that are not wanted any more: not before the firewall marks nothing for them. */
  prune(): Promise<void>
}

/** Brings the routing tables of these families to what is wanted without taking any away. */
export async function addRoutingTables(
  processes: ProcessHost,
  namespace: Namespace,
  routing: Routing,
  families: readonly Family[],
): Promise<AddedTables> {
  const added = await Promise.all(
    families.map(async (family) => await addTablesOf(family, processes, namespace, routing)),
  )
  return {
    problems: added.flatMap(({ problems }) => problems),
    prune: async () => {
      for (const tables of added) await tables.prune()
    },
  }
}

async function addTablesOf(
  family: Family,
  processes: ProcessHost,
  namespace: Namespace,
  routing: Routing,
): Promise<AddedTables> {
  const read = async () => await readKernelRouting(processes, namespace, family)
  const kernel = await read()
  const batch = additions(routing, kernel, family)
  const said = await runBatch(processes, namespace, family, batch)
  const missing = batch.length === 0 ? [] : additions(routing, await read(), family)
  return {
    problems: missing.length === 0 ? [] : [`routes have no effect: ${missing.join('; ')}: ${said}`],
    prune: async () => {
      await runBatch(processes, namespace, family, removals(routing, kernel))
    },
  }
}

/** Lines for `ip -batch` that add what is missing and take from a wanted table what does not belong in it. Pure. */
export function additions({ tables }: Routing, kernel: KernelRouting, family: Family): string[] {
  return tables.flatMap((table) => {
    const { id } = table
    const routes = routesOfTable(table, family)
    const present = kernel.tables.get(id) ?? new Set()
    const wanted = new Set(routes)
    return [
      ...[...present].filter((route) => !wanted.has(route)).map((route) => `route del ${route} table ${id}`),
      ...routes.filter((route) => !present.has(route)).map((route) => `route add ${route} table ${id}`),
      ...(kernel.rules.has(id) ? [] : [`rule add fwmark ${id} lookup ${id} priority ${priority}`]),
    ]
  })
}

function routesOfTable({ routes, ipv6Routes = [] }: RoutingTable, family: Family): readonly string[] {
  return family === ipv4 ? routes : ipv6Routes
}

/** Lines for `ip -batch` that take away tables that are not wanted. Pure. */
export function removals({ tables }: Routing, kernel: KernelRouting): string[] {
  const wanted = new Set(tables.map(({ id }) => id))
  return [
    ...[...kernel.rules]
      .filter((id) => !wanted.has(id))
      .map((id) => `rule del fwmark ${id} lookup ${id} priority ${priority}`),
    ...[...kernel.tables.keys()].filter((id) => !wanted.has(id)).map((id) => `route flush table ${id}`),
  ]
}

async function runBatch(
  processes: ProcessHost,
  namespace: Namespace,
  family: Family,
  batch: readonly string[],
): Promise<string> {
  if (batch.length === 0) return ''
  try {
    await runInside(processes, namespace, ['ip', optionOf(family), '-force', '-batch', '-'], `${batch.join('\n')}\n`)
    return 'ip said nothing'
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return error.stderrTail.replaceAll('\n', '; ')
  }
}

async function readKernelRouting(processes: ProcessHost, namespace: Namespace, family: Family): Promise<KernelRouting> {
  const questions = 'rule show\nroute show table all\n'
  const argv = ['ip', optionOf(family), '-j', '-batch', '-']
  return parseKernelRouting(await runInside(processes, namespace, argv, questions), family)
}

function optionOf(family: Family): string {
  return family === ipv4 ? '-4' : '-6'
}

/** From the two lines of JSON that `ip -j -batch` answers `rule show` and `route show table all` with. Pure. */
export function parseKernelRouting(output: string, family: Family): KernelRouting {
  const [rules = '[]', routes = '[]'] = output.split('\n').filter((line) => line !== '')
  const tables = new Map<number, Set<string>>()
  for (const route of z.array(routeSchema).parse(JSON.parse(routes))) {
    const id = Number(route.table)
    if (!Number.isSafeInteger(id)) continue
    const { type = 'unicast', dst, gateway, dev, metric, flags } = route
    const isUnicast = type === 'unicast'
    const parts = [
      ...(isUnicast ? [] : [type]),
      dst,
      ...(gateway === undefined ? [] : ['via', gateway]),
      // Older versions of ip name a device for a blackhole, too.
      ...(dev === undefined || !isUnicast ? [] : ['dev', dev]),
      ...(flags.includes('onlink') ? ['onlink'] : []),
      ...(metric === undefined || (family !== ipv4 && metric === ipv6Metric) ? [] : ['metric', String(metric)]),
    ]
    tables.set(id, (tables.get(id) ?? new Set()).add(parts.join(' ')))
  }
  return {
    rules: new Set(
      z
        .array(ruleSchema)
        .parse(JSON.parse(rules))
        .filter((rule) => rule.priority === priority && Number(rule.fwmark) === Number(rule.table))
        .map(({ table }) => Number(table)),
    ),
    tables,
  }
}
