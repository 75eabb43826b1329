import type { Answer } from 'dns-packet'
import type { DnsRecordSet, DnsZone } from '../../ec2/ports/vpc-names.ts'
import type { DnsReply } from './message.ts'
import { longestDomain } from './resolv-conf.ts'

/** Zones that names are looked up in. */
export interface ZoneTable {
  /** What zones say of a name and type; `target` is the end of an alias that no zone knows. Undefined: the name lies in none of them. */
  lookUp(name: string, type: string): ZoneReply | undefined
}

export interface ZoneReply extends DnsReply {
  /** To be asked elsewhere: the answers lead there. */
  readonly target?: string
}

interface IndexedZone {
  readonly name: string
  readonly sets: ReadonlyMap<string, readonly DnsRecordSet[]>
  /** Names that have records below them, and the zone's own. */
  readonly nodes: ReadonlySet<string>
}

/** An alias that leads in a circle must end. */
const longestChain = 8
/** Of the record that says how long something is known not to be (RFC 2308). */
const negativeTtl = 60

/** Of zones that enclose each other the innermost one answers, also with what it does not have: as in Route 53. Pure. */
export function createZoneTable(zones: readonly DnsZone[]): ZoneTable {
  const table = new Map(zones.map((zone) => [zone.name, indexZone(zone)]))

  function lookUp(name: string, type: string): ZoneReply | undefined {
    const answers: Answer[] = []
    let current = name
    for (let step = 0; step < longestChain; step++) {
      const zone = longestDomain(current, table)
      if (!zone) return step === 0 ? undefined : { code: 'NOERROR', answers, target: current }
      const sets = setsOf(zone, current)
      if (!sets) return { code: 'NXDOMAIN', answers, authorities: [startOfAuthority(zone.name)] }
      const found = sets.filter((set) => set.type === type || type === 'ANY')
      const alias = sets.find((set) => set.type === 'CNAME')
      if (found.length === 0 && alias) {
        answers.push(...recordsOf(alias, current))
        current = alias.values[0] ?? ''
        continue
      }
      answers.push(...found.flatMap((set) => recordsOf(set, current)))
      if (type === 'SOA' && current === zone.name) answers.push(startOfAuthority(zone.name))
      return {
        code: 'NOERROR',
        answers,
        ...(answers.length === 0 ? { authorities: [startOfAuthority(zone.name)] } : {}),
      }
    }
    return { code: 'SERVFAIL' }
  }

  return { lookUp }
}

function indexZone({ name, records }: DnsZone): IndexedZone {
  const sets = new Map<string, DnsRecordSet[]>()
  const nodes = new Set([name])
  for (const set of records) {
    sets.set(set.name, [...(sets.get(set.name) ?? []), set])
    for (let node = set.name; node !== name && node.includes('.'); node = parentOf(node)) nodes.add(node)
  }
  return { name, sets, nodes }
}

/** The record sets of a name, by a wildcard too (RFC 4592); none where records lie below it only; undefined: there is no such name. */
function setsOf(zone: IndexedZone, name: string): readonly DnsRecordSet[] | undefined {
  const own = zone.sets.get(name)
  if (own) return own
  if (zone.nodes.has(name)) return []
  let encloser = parentOf(name)
  while (!zone.nodes.has(encloser)) encloser = parentOf(encloser)
  return zone.sets.get(`*.${encloser}`)
}

function parentOf(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

function recordsOf({ type, ttl, values }: DnsRecordSet, name: string): Answer[] {
  return values.map((value): Answer => {
    switch (type) {
      case 'TXT':
        return { name, ttl, type, data: splitText(value) }
      case 'SRV': {
        const [priority = 0, weight = 0, port = 0] = value.split(' ').map(Number)
        return { name, ttl, type, data: { priority, weight, port, target: value.split(' ')[3] ?? '' } }
      }
      default:
        return { name, ttl, type, data: value }
    }
  })
}

/** A record's strings have at most 255 bytes each; whoever reads them puts them together again. */
function splitText(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const parts = Array.from({ length: Math.ceil(bytes.length / 255) }, (_, index) =>
    bytes.subarray(index * 255, index * 255 + 255),
  )
  return parts.length > 0 ? parts : [Buffer.alloc(0)]
}

function startOfAuthority(zone: string): Answer {
  return {
    name: zone,
    ttl: negativeTtl,
    type: 'SOA',
    data: {
      mname: zone,
      rname: `hostmaster.${zone}`,
      serial: 1,
      refresh: 7200,
      retry: 900,
      expire: 1_209_600,
      minimum: negativeTtl,
    },
  }
}
