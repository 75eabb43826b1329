import {
  type Goal,
  type ImageSource,
  type Lab,
  type LabImage,
  type LabInstance,
  type LabKeyPair,
  type LabRule,
  type LabSecurityGroup,
  nameInLab,
} from './lab.ts'
import { spellOutNetwork } from './lab-network.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { isPrefixListId, normaliseCidr, protocols, readPorts } from './rule.ts'
import { isUrl } from './schema/image.ts'
import { spellOutDnsZone } from './spell-out-dns.ts'
import { spellOutFault } from './spell-out-fault.ts'
import type { Manifest } from './schema/manifest.ts'

type Entry<Section extends 'images' | 'keyPairs' | 'securityGroups' | 'instances'> = NonNullable<
  Manifest[Section]
>[string]

/** The lab that a checked manifest means, but for its pipelines (embed-pipeline.ts). */
export async function spellOut(manifest: Manifest, files: ManifestFiles | undefined): Promise<Omit<Lab, 'pipelines'>> {
  const { name } = manifest
  const network = spellOutNetwork(manifest)
  return {
    name,
    ...(manifest.region ? { region: manifest.region } : {}),
    ...(network ? { network } : {}),
    images: mapOf(manifest.images, (key, entry) => spellOutImage(name, key, entry, files)),
    keyPairs: new Map(
      await Promise.all(
        Object.entries(manifest.keyPairs ?? {}).map(
          async ([key, entry]) => [key, await spellOutKeyPair(name, key, entry, files)] as const,
        ),
      ),
    ),
    securityGroups: mapOf(manifest.securityGroups, (key, entry) => spellOutGroup(name, key, entry)),
    instances: new Map(
      await Promise.all(
        Object.entries(manifest.instances ?? {}).map(
          async ([key, entry]) => [key, await spellOutInstance(key, entry, files)] as const,
        ),
      ),
    ),
    dnsZones: mapOf(manifest.dnsZones, spellOutDnsZone),
    faults: mapOf(manifest.faults, (key, entry) =>
      spellOutFault(name, key, entry, (instance) => manifest.instances?.[instance] !== undefined),
    ),
    outputs: new Map(Object.entries(manifest.outputs ?? {})),
  }
}

function mapOf<Item, Result>(
  section: Readonly<Record<string, Item>> | undefined,
  convert: (key: string, item: Item) => Result,
): Map<string, Result> {
  return new Map(Object.entries(section ?? {}).map(([key, item]) => [key, convert(key, item)]))
}

function spellOutImage(lab: string, key: string, entry: Entry<'images'>, files: ManifestFiles | undefined): LabImage {
  const { recipe, catalog, existing, pipeline, architecture, import: from = '' } = entry
  const source = ((): ImageSource => {
    if (recipe !== undefined) return { kind: 'recipe', recipe, ...(architecture ? { architecture } : {}) }
    if (catalog !== undefined) return { kind: 'catalog', entry: catalog }
    if (existing !== undefined) return { kind: 'existing' }
    if (pipeline !== undefined) return { kind: 'pipeline', pipeline: nameInLab(lab, pipeline) }
    return {
      kind: 'import',
      from: isUrl(from) ? from : (files?.locate(from) ?? from),
      architecture: architecture ?? 'x86_64',
      ...(entry.checksum ? { checksum: entry.checksum } : {}),
      ...(entry.loginUser ? { loginUser: entry.loginUser } : {}),
    }
  })()
  // As a build names what is not of the usual architecture.
  const built = recipe && architecture && architecture !== 'x86_64' ? `${recipe}-${architecture}` : recipe
  const sourceName = source.kind === 'pipeline' ? source.pipeline : (built ?? catalog ?? existing)
  const { depth, wait = false } = typeof entry.warm === 'object' ? entry.warm : {}
  return {
    key,
    source,
    name: entry.name ?? sourceName ?? nameInLab(lab, key),
    ...(entry.warm ? { warm: { waits: wait, ...(depth ? { depth } : {}) } } : {}),
  }
}

async function spellOutKeyPair(
  lab: string,
  key: string,
  entry: Entry<'keyPairs'>,
  files: ManifestFiles | undefined,
): Promise<LabKeyPair> {
  const name = nameInLab(lab, key)
  if (entry.publicKeyFile === undefined)
    return { key, name, source: { kind: 'generated', type: entry.type ?? 'ed25519' } }
  const text = (await readText(files, entry.publicKeyFile))?.toString('utf8') ?? ''
  return { key, name, source: { kind: 'imported', publicKey: text.trim().split(/\s+/).slice(0, 2).join(' ') } }
}

async function readText(files: ManifestFiles | undefined, path: string): Promise<Buffer | undefined> {
  const file = await files?.read(path)
  return file && 'content' in file ? file.content : undefined
}

function spellOutGroup(lab: string, key: string, entry: Entry<'securityGroups'>): LabSecurityGroup {
  const ingress = (entry.ingress ?? []).flatMap(({ from, ...rule }) => spellOutRules(rule, from))
  const egress = entry.egress?.flatMap(({ to, ...rule }) => spellOutRules(rule, to))
  return { key, name: nameInLab(lab, key), ingress, ...(egress ? { egress } : {}) }
}

function spellOutRules(
  rule: {
    protocol?: keyof typeof protocols | undefined
    ports?: number | string | (number | string)[] | undefined
    description?: string | undefined
  },
  peers: string | string[],
): LabRule[] {
  const ranges = rule.ports === undefined ? [] : [rule.ports].flat().flatMap((item) => readPorts(item) ?? [])
  const everything = { fromPort: -1, toPort: -1 }
  return (ranges.length > 0 ? ranges : [everything]).flatMap((range) =>
    [peers].flat().map((peer) => ({
      protocol: protocols[rule.protocol ?? 'tcp'],
      ...range,
      peer: spellOutPeer(peer),
      ...(rule.description ? { description: rule.description } : {}),
    })),
  )
}

function spellOutPeer(text: string): LabRule['peer'] {
  const cidr = normaliseCidr(text)
  if (cidr !== undefined) return { cidr }
  return isPrefixListId(text) ? { prefixListId: text } : { group: text }
}

async function spellOutInstance(
  key: string,
  entry: Entry<'instances'>,
  files: ManifestFiles | undefined,
): Promise<LabInstance> {
  const { type, keyPair, disk, privateIpAddress, ipv6, schedule, dependsOn = [] } = entry
  const userData =
    entry.userDataFile === undefined ? Buffer.from(entry.userData ?? '') : await readText(files, entry.userDataFile)
  return {
    key,
    count: entry.count ?? 1,
    image: entry.image,
    securityGroups: [...new Set(entry.securityGroups ?? [])],
    tags: entry.tags ?? {},
    disableApiTermination: entry.disableApiTermination ?? false,
    disableApiStop: entry.disableApiStop ?? false,
    elasticIp: entry.elasticIp ?? false,
    sourceDestCheck: entry.sourceDestCheck ?? true,
    ...(entry.subnet ? { subnet: entry.subnet } : {}),
    dependsOn: new Map(
      Array.isArray(dependsOn) ? dependsOn.map((name): [string, Goal] => [name, 'running']) : Object.entries(dependsOn),
    ),
    ...(type ? { type } : {}),
    ...(keyPair ? { keyPair } : {}),
    ...(userData && userData.length > 0 ? { userData: userData.toString('base64') } : {}),
    ...(disk ? { disk } : {}),
    ...(privateIpAddress ? { privateIpAddress } : {}),
    bridges: entry.bridges ?? [],
    ...fastLaunchOf(entry.fastLaunch),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(schedule
      ? {
          schedule: {
            ...(schedule.start ? { start: schedule.start } : {}),
            ...(schedule.stop ? { stop: schedule.stop } : {}),
            ...(schedule.timeZone ? { timeZone: schedule.timeZone } : {}),
          },
        }
      : {}),
  }
}

function fastLaunchOf(value: Entry<'instances'>['fastLaunch']): Pick<LabInstance, 'fastLaunch'> {
  if (value === undefined || value === true) return {}
  return { fastLaunch: value === false ? 'off' : value }
}
