import type { FlowCount } from '../ec2/ports/flow-count.ts'
import { enteringMark, flowTableSince, refusedMark, tcpFlagsShift } from './flow-table.ts'

/** What a flow table holds. */
export interface FlowTableContent {
  readonly tapNames: readonly string[]
  readonly skippedTapNames: readonly string[]
  readonly flows: readonly FlowCount[]
}

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17 }
const tcpFlagBits = 0xff

/** Parts of what `nft -j` prints, version 1.0.6 and later. */
interface NftObject {
  readonly set?: { readonly name: string; readonly elem?: readonly NftElement[] }
  readonly counter?: { readonly name: string; readonly packets: number }
  readonly table?: { readonly name: string }
}
interface NftElement {
  readonly elem: {
    readonly val: { readonly concat: readonly (string | number)[] }
    readonly counter: { readonly packets: number; readonly bytes: number }
  }
}

/** From what `nft -nn -j list table inet flows_…` prints. Pure. */
export function parseFlowTable(json: string): FlowTableContent {
  const objects = parseObjects(json)
  const counters = objects.flatMap(({ counter }) => counter ?? [])
  const tapOfCounter = (name: string) => name.replace(/_skipped$/, '')
  return {
    tapNames: counters.map(({ name }) => tapOfCounter(name)),
    skippedTapNames: counters.filter(({ packets }) => packets > 0).map(({ name }) => tapOfCounter(name)),
    flows: objects.flatMap(({ set }) => (set?.elem ?? []).map((element) => describeElement(set?.name ?? '', element))),
  }
}

/** The names of the flow tables among what `nft -j list tables` prints, the oldest first. Pure. */
export function parseFlowTableNames(json: string): string[] {
  return parseObjects(json)
    .flatMap(({ table }) => table?.name ?? [])
    .filter((name) => flowTableSince(name) !== undefined)
    .sort((one, other) => (flowTableSince(one) ?? 0) - (flowTableSince(other) ?? 0))
}

function parseObjects(json: string): readonly NftObject[] {
  return (JSON.parse(json) as { nftables: readonly NftObject[] }).nftables
}

function describeElement(setName: string, { elem: { val, counter } }: NftElement): FlowCount {
  const [, tapName = '', kind = ''] = /^(.*)_([a-z]+)6?$/.exec(setName) ?? []
  const [mark = 0, source = '', destination = '', third = 0, fourth = 0] = val.concat
  const isEntering = (Number(mark) & enteringMark) !== 0
  const refused = isEntering ? refusedMark.entering : refusedMark.leaving
  const protocol = protocolNumbers[kind]
  return {
    tapName,
    isEntering,
    isAccepted: (Number(mark) & refused) === 0,
    source: String(source),
    destination: String(destination),
    protocol: protocol ?? Number(third),
    sourcePort: protocol === undefined ? 0 : Number(third),
    destinationPort: protocol === undefined ? 0 : Number(fourth),
    packets: counter.packets,
    bytes: counter.bytes,
    tcpFlags: (Number(mark) >> tcpFlagsShift) & tcpFlagBits,
  }
}
