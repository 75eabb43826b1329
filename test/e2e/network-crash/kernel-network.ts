import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { findProcesses, type ProcessEntry } from '../../../src/host/process-table.ts'

/**
 * What the networks of a state directory come to: what the kernel has in each namespace, and what else there is of each. Names and numbers that
 * are another's with each making (MACs of taps, indexes, counts, process ids) are left out, and what has no order is sorted, so that two that
 * do the same are equal.
 */
export type NetworkView = Readonly<Record<string, unknown>>

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type JsonRecord = { readonly [key: string]: Json }

/** Each prints JSON or text, after a line of its own that names it. */
const questions = {
  rules: 'nft -j list ruleset',
  links: 'ip -j -d link show',
  addresses: 'ip -j addr show',
  routes4: 'ip -j -4 route show table all',
  routes6: 'ip -j -6 route show table all',
  policy4: 'ip -j -4 rule show',
  policy6: 'ip -j -6 rule show',
  neighbourSettings: 'ip ntable show name arp_cache',
  queues: 'tc -j qdisc show',
  settings:
    "sysctl -a 2>/dev/null | grep -E '^net.ipv(4.ip_forward|4.conf.*.(rp_filter|proxy_arp|send_redirects) |6.conf.all.)'",
} as const
type Question = keyof typeof questions

export async function lookAtNetworks(networksDirectory: string): Promise<Record<string, NetworkView>> {
  const all = await findProcesses((argv) => argv.some((argument) => argument.includes(`${networksDirectory}/`)))
  const looks = (await readdir(networksDirectory)).flatMap((name) => {
    const directory = join(networksDirectory, name)
    const own = all.filter(({ argv }) => argv.some((argument) => argument.includes(`${directory}/`)))
    const holders = own.filter(({ argv }) => argv[0] === 'tail' && name.startsWith('vpc-'))
    return [
      lookAtDirectory(directory, own).then((view) => [name, view] as const),
      ...holders.map(
        async ({ pid, argv }) =>
          [`${name}${(argv.at(-1) ?? '').slice(directory.length)}`, await lookInside(pid)] as const,
      ),
    ]
  })
  return Object.fromEntries((await Promise.all(looks)).sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function lookAtDirectory(directory: string, processes: readonly ProcessEntry[]): Promise<NetworkView> {
  const files = (await readdir(directory)).filter((name) => !/^dnsmasq\.(leases|pid|log)$|^pasta\.pid$/.test(name))
  const read = async (name: string) => (await readFile(join(directory, name), 'utf8')).replaceAll(directory, '')
  const told = files.filter((name) => name.startsWith('dnsmasq.'))
  const dnsmasq = processes.find(({ argv }) => argv[0] === 'dnsmasq')
  return {
    processes: processes.map(({ argv }) => (argv[0] ?? '').replace(/\.avx2$/, '')).sort(),
    files: files.sort(),
    dnsmasqFiles: Object.fromEntries(await Promise.all(told.map(async (name) => [name, await read(name)] as const))),
    hasReadItsConfiguration: dnsmasq && (await isYounger(dnsmasq.pid, join(directory, 'dnsmasq.conf'))),
    names: dnsmasq && (await askForNames(dnsmasq.pid, join(directory, 'dnsmasq.names'))),
  }
}

/** Whether a process began after a file was written. The clocks that are compared tick each hundredth of a second. */
async function isYounger(pid: number, path: string): Promise<boolean> {
  const [uptime, fields] = await Promise.all(
    ['/proc/uptime', `/proc/${pid}/stat`].map(async (file) => (await readFile(file, 'utf8')).split(/.*\) |\s/)),
  )
  const startTicks = Number(fields?.slice(1)[19])
  const ageMs = Number(uptime?.[0]) * 1000 - startTicks * 10
  return Date.now() - ageMs + 50 > (await stat(path)).mtimeMs
}

/** What the VPC's resolver says to each name of its file. */
async function askForNames(pid: number, path: string): Promise<Json> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  const asked = lines.flatMap((line) => {
    const [address = '', ...names] = line.split(' ')
    return names.map((name) => [name, address.includes(':') ? 'AAAA' : 'A'])
  })
  const script = `
    const resolver = new (require('dns').promises.Resolver)({ timeout: 1000, tries: 3 })
    resolver.setServers(['169.254.169.253'])
    const answersTo = (name, type) => resolver.resolve(name, type).then((found) => found.sort(), (error) => error.code)
    const ask = async ([name, type]) => [name, type, await answersTo(name, type)]
    Promise.all(${JSON.stringify(asked)}.map(ask)).then((answers) => process.stdout.write(JSON.stringify(answers), () => process.exit()))`
  return JSON.parse(await runIn(pid, [process.execPath, '-e', script])) as Json
}

async function lookInside(pid: number): Promise<NetworkView> {
  const script = Object.entries(questions).map(([name, command]) => `echo "=== ${name}"; ${command}`)
  const printed = await runIn(pid, ['sh', '-c', script.join('; ')])
  const sections = printed.split(/^=== /m).slice(1)
  const answers = new Map(
    sections.map((section) => {
      const end = section.indexOf('\n')
      return [section.slice(0, end), section.slice(end + 1)] as const
    }),
  )
  const text = (question: Question) => answers.get(question) ?? ''
  const json = (question: Question) => JSON.parse(text(question).trim() || '[]') as JsonRecord[]
  const settings = text('settings').trim().split('\n')
  // What is left of IPv6 where it is turned off does nothing, and is looked at again when it is turned on.
  const hasIpv6 = !settings.includes('net.ipv6.conf.all.disable_ipv6 = 1')
  const [routes6, policy6] = hasIpv6 ? [json('routes6'), json('policy6')] : [[], []]
  const routes = [...json('routes4'), ...routes6].map((route) => without(route, ['flags', 'pref', 'cache']))
  return {
    rules: describeRules(JSON.parse(text('rules')) as { nftables: JsonRecord[] }, hasIpv6),
    links: json('links')
      .map(({ ifname, flags, mtu, linkinfo }) => {
        const kind = (linkinfo as JsonRecord | undefined)?.['info_kind'] ?? 'none'
        const own = (flags as string[]).filter((flag) => ['UP', 'NOARP', 'LOOPBACK'].includes(flag))
        // A machine's tap and that of nobody, a guest's other end and a machine.
        return [word(ifname), kind === 'tun' ? 'tap' : word(kind), word(mtu), ...own.sort()].join(' ')
      })
      .sort(),
    addresses: json('addresses')
      .flatMap(({ ifname, addr_info: own }) =>
        (own as JsonRecord[]).map(
          ({ local, prefixlen, scope, noprefixroute }) =>
            `${word(ifname)} ${word(local)}/${word(prefixlen)} ${word(scope)} ${noprefixroute ? 'noprefixroute' : ''}`,
        ),
      )
      // Of the link-local ones the router gives one to each tap with IPv6.
      .filter((line) => !/ fe80:(?!:1\/)/.test(line) && !isPastasIpv6(line))
      .sort(),
    routes: routes
      .map((route) => JSON.stringify(route))
      .filter((line) => !/"dst":"(fe80|ff00)/.test(line) && !isPastasIpv6(line))
      .sort(),
    policy: [...json('policy4'), ...policy6].map((rule) => JSON.stringify(rule)).sort(),
    neighbourSettings: [...text('neighbourSettings').matchAll(/dev (eni\S+)[^]*?retrans (\d+)[^]*?proxy_delay (\d+)/g)]
      .map(([, device, retrans, delay]) => `${device} retrans ${retrans} proxy_delay ${delay}`)
      .sort(),
    delays: json('queues')
      .filter(({ kind }) => kind === 'netem')
      .map((queue) => JSON.stringify(without(queue, ['handle', 'refcnt'])))
      .sort(),
    settings: settings.filter((line) => hasIpv6 || !/^net\.ipv6\..*(?<!disable_ipv6) = /.test(line)).sort(),
  }
}

/** A way out that is wanted for IPv4 alone by now keeps its IPv6 (src/network/egress.ts), and the firewall lets nothing to it. */
function isPastasIpv6(line: string): boolean {
  return line.includes('fd00:ec2:ffff:')
}

/**
 * Rules by table and chain, sets and maps by table. A VPC's firewall has one of three names (src/network/firewall.ts), a flow table that of the
 * moment when it began; counters count, and dynamic sets hold what passed.
 */
function describeRules({ nftables }: { nftables: JsonRecord[] }, hasIpv6: boolean): Record<string, string[]> {
  const described: Record<string, string[]> = {}
  const note = (place: string, line: string) => (described[place] ??= []).push(line)
  for (const entry of nftables) {
    const [kind = '', content] = Object.entries(entry)[0] ?? []
    if (kind === 'metainfo') continue
    const record = withoutChance(content as JsonRecord) as JsonRecord
    const family = word(record['family'])
    const table = nameOfTable(word(record['table'] ?? record['name']))
    const place = `${family} ${table} ${word(record['chain'] ?? kind)}`
    // The guard's tables stay, with what no rule leads to any more.
    const ownName = word(record['chain'] ?? record['name'])
    if (!hasIpv6 && table === 'guard' && /6$|^neighbour_rate$/.test(ownName)) continue
    if (kind === 'set' || kind === 'map') {
      // nft 1.0.6 does not say in JSON that a set is dynamic: those have a size.
      const isDynamic = record['size'] !== undefined
      note(place, JSON.stringify(without(record, isDynamic ? ['elem', 'table'] : ['table'])))
    } else if (kind === 'table') note(place, JSON.stringify({ ...record, name: table }))
    else note(place, JSON.stringify(without(record, ['table'])))
  }
  // The order of rules counts, that of declarations does not.
  for (const place of Object.keys(described))
    if (/ (set|map|chain|counter|table)$/.test(place)) described[place] = (described[place] ?? []).sort()
  return Object.fromEntries(Object.entries(described).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function word(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : ''
}

function nameOfTable(name: string): string {
  return name.replace(/^vpc_[ab]$/, 'vpc').replace(/^flows_\d+$/, 'flows')
}

/** Handles and counts go; elements of sets, which have no order, are sorted. */
function withoutChance(value: Json): Json {
  if (Array.isArray(value)) return (value as Json[]).map(withoutChance)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value as JsonRecord)
      .filter(([key]) => !['handle', 'packets', 'bytes'].includes(key))
      .map(([key, inner]) => [key, isSetContent(key, inner) ? sorted(inner.map(withoutChance)) : withoutChance(inner)]),
  )
}

function isSetContent(key: string, value: Json): value is Json[] {
  return (key === 'elem' || key === 'set') && Array.isArray(value)
}

function sorted(values: readonly Json[]): Json[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function without(record: JsonRecord, keys: readonly string[]): JsonRecord {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))
}

/** As whoever keeps the namespace: anybody else, root included, is nobody in it. */
async function runIn(pid: number, argv: readonly string[]): Promise<string> {
  const { uid, gid } = await stat(`/proc/${pid}`)
  const enter = ['-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
  const { stdout } = await execa('nsenter', [...enter, ...argv], { uid, gid })
  return stdout
}
