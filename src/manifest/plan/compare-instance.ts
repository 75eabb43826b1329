import { bridgeTag } from '../../ec2/instance/bridge-tag.ts'
import { describeIpv6, hasIpv6 } from '../ipv6.ts'
import type { Lab, LabInstance } from '../lab.ts'
import { labTag } from '../lab.ts'
import { type Observed, type ObservedInstance, tagOf } from '../observed.ts'
import { describeUserData } from './launch.ts'
import { defaultGroupAddress, type Detail, type InstanceChanges, type Launch } from './plan.ts'

/** What decides whether a server can stay. */
export interface FatalInput {
  readonly lab: Lab
  readonly observed: Pick<Observed, 'network'>
  /** Keys of key pairs that are replaced. */
  readonly replacedKeyPairs: ReadonlySet<string>
}

/** What cannot be changed while the server stays the same one. */
export function findFatalDifferences(
  { lab, observed, replacedKeyPairs }: FatalInput,
  instance: LabInstance,
  found: ObservedInstance,
): Detail[] {
  const keyName = instance.keyPair === undefined ? undefined : lab.keyPairs.get(instance.keyPair)?.name
  const describeData = (data: string | undefined) => (data === undefined ? undefined : describeUserData(data))
  const addresses = ipv6AddressesOf(found)
  const rows: (readonly [name: string, old: string | undefined, wanted: string | undefined])[] = [
    ['image', tagOf(found.record, labTag.image), lab.images.get(instance.image)?.name],
    ['keyPair', found.record.KeyName, keyName],
    ...(lab.network ? [['subnet', subnetKeyOf(observed.network, found), instance.subnet] as const] : []),
    ['bridges', tagOf(found.record, bridgeTag), instance.bridges.join(',') || undefined],
    ['userData', describeData(found.userData), describeData(instance.userData)],
    ...(instance.disk === undefined || found.disk === undefined
      ? []
      : [['disk', `${found.disk} GiB`, `${instance.disk} GiB`] satisfies [string, string, string]]),
    ...(instance.privateIpAddress === undefined
      ? []
      : [
          ['privateIpAddress', found.record.PrivateIpAddress, instance.privateIpAddress] satisfies [
            string,
            string | undefined,
            string,
          ],
        ]),
  ]
  if (instance.ipv6 !== undefined && !hasIpv6(instance.ipv6, addresses)) {
    rows.push(['ipv6', addresses.join(', ') || 'false', describeIpv6(instance.ipv6)])
  }
  const details = rows.flatMap(([name, old, wanted]) =>
    old === wanted ? [] : [{ ...difference(name, old, wanted), forcesReplacement: true }],
  )
  if (details.length === 0 && instance.keyPair !== undefined && replacedKeyPairs.has(instance.keyPair)) {
    details.push({ name: 'keyPair', new: `${keyName}, made anew`, forcesReplacement: true })
  }
  return details
}

/** Those of its first interface. */
function ipv6AddressesOf({ record }: ObservedInstance): string[] {
  const primary = record.NetworkInterfaces?.find(({ Attachment: attachment }) => attachment?.DeviceIndex === 0)
  return (primary?.Ipv6Addresses ?? []).flatMap(({ Ipv6Address: address }) => address ?? [])
}

/** The key of the subnet that an instance is in; its id when it is none of the lab's. */
function subnetKeyOf({ subnets }: Observed['network'], { record }: ObservedInstance): string | undefined {
  const subnet = subnets.find(({ SubnetId: id }) => id === record.SubnetId)
  return (subnet && tagOf(subnet, labTag.resource)?.replace(/^subnets\./, '')) ?? record.SubnetId
}

/** A value that has changed, come or gone. */
export function difference(name: string, old: string | undefined, wanted: string | undefined): Detail {
  return { name, ...(old === undefined ? {} : { old }), ...(wanted === undefined ? {} : { new: wanted }) }
}

/** Tags to put and to remove; those of AWS and of Kiln are left alone. */
export function compareTags(
  found: ObservedInstance,
  wanted: Readonly<Record<string, string>>,
  details: Detail[],
): Partial<InstanceChanges> {
  const present = new Map((found.record.Tags ?? []).map(({ Key: key = '', Value: value = '' }) => [key, value]))
  const putTags = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => present.get(key) !== value))
  const removeTags = [...present.keys()].filter((key) => !Object.hasOwn(wanted, key) && !/^(aws|kiln):/.test(key))
  for (const [key, value] of Object.entries(putTags)) details.push(difference(`tags.${key}`, present.get(key), value))
  for (const key of removeTags) details.push(difference(`tags.${key}`, present.get(key), undefined))
  return Object.keys(putTags).length > 0 || removeTags.length > 0 ? { putTags, removeTags } : {}
}

/** Groups are compared by name: those that are still to be made have no id. */
export function compareGroups(
  lab: Lab,
  instance: LabInstance,
  found: ObservedInstance,
  details: Detail[],
): { names: string[]; addresses: string[] } | undefined {
  const present = (found.record.SecurityGroups ?? []).map(({ GroupName: name = '' }) => name)
  const names = instance.securityGroups.map((key) => lab.securityGroups.get(key)?.name ?? '')
  const wanted = names.length > 0 ? names : ['default']
  const tell = (list: readonly string[]) => [...list].sort().join(', ')
  if (tell(present) === tell(wanted)) return undefined
  details.push({ name: 'securityGroups', old: tell(present), new: tell(wanted) })
  const addresses = instance.securityGroups.map((key) => `securityGroups.${key}`)
  return { names: wanted, addresses: addresses.length > 0 ? addresses : [defaultGroupAddress] }
}

/** The two protections, where they differ. */
export function compareProtection(
  launch: Launch,
  found: ObservedInstance,
  details: Detail[],
): Partial<InstanceChanges> {
  const changes: { disableApiTermination?: boolean; disableApiStop?: boolean; sourceDestCheck?: boolean } = {}
  const isChecked = found.record.SourceDestCheck ?? true
  if (isChecked !== launch.sourceDestCheck) {
    changes.sourceDestCheck = launch.sourceDestCheck
    details.push({ name: 'sourceDestCheck', old: String(isChecked), new: String(launch.sourceDestCheck) })
  }
  for (const name of ['disableApiTermination', 'disableApiStop'] as const) {
    if (found[name] === launch[name]) continue
    changes[name] = launch[name]
    details.push({ name, old: String(found[name]), new: String(launch[name]) })
  }
  return changes
}
