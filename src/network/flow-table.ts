import type { Family } from './family.ts'

/** Bits of the mark that a ruleset whose packets are counted gives to those that it refuses (ruleset.ts), until its last chain drops them. */
export const refusedMark = { leaving: 0x0100_0000, entering: 0x0200_0000 } as const
/** Both of them. */
export const refusedMarks = 0x0300_0000
/** Set by the flow table alone: the packet goes to the interface that it is counted for. */
export const enteringMark = 0x10
/** EC2's values of `tcp-flags`, at these bits of the mark. */
export const tcpFlagsShift = 8

/** How many flows of TCP, and as many of UDP, an interface may have of a family in one reading; more of them are skipped, and it is told. */
export const flowsPerInterface = 16_384

const namePattern = /^flows_(\d+)$/

/** The name of a flow table that counts from that moment, milliseconds since 1970. */
export function flowTableName(since: number): string {
  return `flows_${since}`
}

/** Since when a table has counted; undefined when it is no flow table. Pure. */
export function flowTableSince(name: string): number | undefined {
  const [, since] = namePattern.exec(name) ?? []
  return since === undefined ? undefined : Number(since)
}

/**
 * A table that counts the packets of some interfaces by flow, in the kernel, one set update a packet: it lets everything pass. A reading is
 * taken by putting the next table in its place (`takeOver`), in one transaction, so that each packet is counted once. It is a table of
 * its own since the VPC's is replaced with each change of a rule. Its hooks come after that table's, which marks what it refuses and drops
 * it after this one has seen it.
 *
 * The keys have five parts at most and are written with `type`: more of them, or `typeof`, make nft 1.0.6 crash; so there are sets of each
 * interface. That also keeps a guest that scans half the internet from costing its neighbours their records.
 */
export function flowTable(name: string, tapNames: readonly string[], families: readonly Family[]): string {
  return [
    `table inet ${name} {`,
    ...tapNames.flatMap((tap) => interfaceCounters(tap, families)),
    `  map interfaces { type ifname : verdict; elements = { ${tapNames.map((tap) => `"${tap}" : jump ${tap}`).join(', ')} } }`,
    ...tcpFlags(),
    '  chain look {',
    `    meta mark set meta mark & ${hex(refusedMarks)}`,
    '    meta l4proto tcp jump tcp_flags',
    '    iifname vmap @interfaces',
    // What its sender's side has refused never comes to the other interface.
    `    meta mark & ${hex(refusedMark.leaving)} != 0 return`,
    // What the receiver's side refuses was accepted before: its set knows this packet already, without the mark of the refusal.
    `    meta mark set meta mark | ${hex(enteringMark)}`,
    '    oifname vmap @interfaces',
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter + 5; policy accept;',
    '    jump look',
    '  }',
    // What the host has with a guest: connections that it opened, and their answers. What guests ask the router itself for (DHCP, DNS,
    // metadata) is not in flow logs, as on EC2.
    '  chain output {',
    '    type filter hook output priority filter + 5; policy accept;',
    '    ct direction original udp sport != 67 jump look',
    '    ct direction original meta l4proto != udp jump look',
    '  }',
    '  chain input {',
    '    type filter hook input priority filter + 5; policy accept;',
    '    ct direction reply jump look',
    '  }',
    '}',
    '',
  ].join('\n')
}

/** The transaction that puts a table (or none) into the place of others, which are kept, count no more, and can be read. */
export function takeOver(table: string, former: readonly string[]): string {
  const hooks = former.flatMap((name) =>
    ['forward', 'output', 'input'].map((chain) => `flush chain inet ${name} ${chain}`),
  )
  return [table, ...hooks, ''].join('\n')
}

function interfaceCounters(tap: string, families: readonly Family[]): string[] {
  const kept = `flags dynamic; size ${flowsPerInterface}; counter;`
  return [
    ...families.flatMap(({ address, suffix }) => {
      const ports = `type mark . ${address} . ${address} . inet_service . inet_service`
      return [
        `  set ${tap}_tcp${suffix} { ${ports}; ${kept} }`,
        `  set ${tap}_udp${suffix} { ${ports}; ${kept} }`,
        `  set ${tap}_other${suffix} { type mark . ${address} . ${address} . inet_proto; ${kept} }`,
      ]
    }),
    `  counter ${tap}_skipped { }`,
    // An update of a full set ends its rule, so that the last one is come to.
    `  chain ${tap} {`,
    ...families.flatMap(({ ip, suffix, protocol }) => {
      const key = `meta mark . ${ip} saddr . ${ip} daddr`
      return [
        `    update @${tap}_tcp${suffix} { ${key} . tcp sport . tcp dport } return`,
        `    update @${tap}_udp${suffix} { ${key} . udp sport . udp dport } return`,
        `    meta l4proto != { tcp, udp } update @${tap}_other${suffix} { ${key} . meta l4proto } return`,
        `    meta nfproto ${protocol} counter name ${tap}_skipped`,
      ]
    }),
    '  }',
  ]
}

/** Most packets have none of them, so that a connection is three elements at most in a direction: its beginning, itself, its end. */
function tcpFlags(): string[] {
  const add = (flags: number) => `meta mark set meta mark | ${hex(flags << tcpFlagsShift)}`
  return [
    '  chain tcp_flags {',
    '    tcp flags & (fin | syn | rst) == 0 return',
    `    tcp flags & (syn | ack) == syn ${add(2)}`,
    `    tcp flags & (syn | ack) == (syn | ack) ${add(18)}`,
    `    tcp flags & fin == fin ${add(1)}`,
    `    tcp flags & rst == rst ${add(4)}`,
    '  }',
  ]
}

function hex(number: number): string {
  return `0x${number.toString(16)}`
}
