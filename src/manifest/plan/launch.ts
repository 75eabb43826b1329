import { createHash } from 'node:crypto'
import { fastLaunchTag } from '../../ec2/fast-launch/fast-launch-tag.ts'
import { bridgeTag } from '../../ec2/instance/bridge-tag.ts'
import { defaultTypeFor } from '../../ec2/instance-type/default-type.ts'
import { architectureOf, type HostFacts } from '../host-facts.ts'
import { describeIpv6 } from '../ipv6.ts'
import { instanceAddress, instanceName, type Lab, type LabInstance, labTag } from '../lab.ts'
import type { Observed } from '../observed.ts'
import type { Detail, Launch } from './plan.ts'

export interface LaunchInput {
  readonly lab: Lab
  readonly observed: Observed
  readonly facts: HostFacts
}

/** The launch of one instance of a lab. */
export function launchOf({ lab, observed, facts }: LaunchInput, instance: LabInstance, index: number): Launch {
  const address = instanceAddress(instance.key, index)
  const image = lab.images.get(instance.image)
  const keyPair = instance.keyPair === undefined ? undefined : lab.keyPairs.get(instance.keyPair)
  return {
    address,
    image: `images.${instance.image}`,
    type: instance.type ?? defaultTypeFor(image && architectureOf(image, observed, facts)),
    ...(keyPair ? { keyName: keyPair.name } : {}),
    groups: instance.securityGroups.map((key) => `securityGroups.${key}`),
    ...(instance.userData ? { userData: instance.userData } : {}),
    ...(instance.disk ? { disk: instance.disk } : {}),
    ...(instance.subnet ? { subnet: `subnets.${instance.subnet}` } : {}),
    sourceDestCheck: instance.sourceDestCheck,
    ...(instance.privateIpAddress ? { privateIpAddress: instance.privateIpAddress } : {}),
    ...(instance.ipv6 === undefined ? {} : { ipv6: instance.ipv6 }),
    disableApiTermination: instance.disableApiTermination,
    disableApiStop: instance.disableApiStop,
    tags: {
      Name: instanceName(lab, instance, index),
      ...instance.tags,
      ...(instance.bridges.length > 0 ? { [bridgeTag]: instance.bridges.join(',') } : {}),
      ...(instance.fastLaunch ? { [fastLaunchTag]: instance.fastLaunch } : {}),
      [labTag.lab]: lab.name,
      [labTag.resource]: address,
      [labTag.image]: image?.name ?? '',
    },
  }
}

/** What a new instance will be like, for the diff. */
export function describeLaunch(lab: Lab, instance: LabInstance, launch: Launch): Detail[] {
  const { schedule } = instance
  const rows: [string, string | undefined][] = [
    ['image', lab.images.get(instance.image)?.name],
    ['type', launch.type],
    ['keyPair', launch.keyName],
    ['securityGroups', instance.securityGroups.map((key) => lab.securityGroups.get(key)?.name).join(', ') || undefined],
    ['userData', launch.userData === undefined ? undefined : describeUserData(launch.userData)],
    ['disk', launch.disk === undefined ? undefined : `${launch.disk} GiB`],
    ['subnet', instance.subnet],
    ['elasticIp', instance.elasticIp ? 'true' : undefined],
    ['sourceDestCheck', launch.sourceDestCheck ? undefined : 'false'],
    ['privateIpAddress', launch.privateIpAddress],
    ['bridges', launch.tags[bridgeTag]],
    ['fastLaunch', launch.tags[fastLaunchTag]],
    ['ipv6', describeIpv6(launch.ipv6)],
    ['disableApiTermination', launch.disableApiTermination ? 'true' : undefined],
    ['disableApiStop', launch.disableApiStop ? 'true' : undefined],
    ...visibleTags(launch.tags).map(([key, value]): [string, string] => [`tags.${key}`, value]),
    ['schedule.start', withZone(schedule?.start, schedule?.timeZone)],
    ['schedule.stop', withZone(schedule?.stop, schedule?.timeZone)],
  ]
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [{ name, new: value }]))
}

/** A cron expression with its time zone, for the diff. */
export function withZone(cron: string | undefined, timeZone: string | undefined): string | undefined {
  return cron === undefined || timeZone === undefined ? cron : `${cron} ${timeZone}`
}

/** Tags that are the user's and not the lab's own book-keeping. */
function visibleTags(tags: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(tags).filter(([key]) => !key.startsWith('kiln:'))
}

/** User data in a few words: it is no one's business to print it. */
export function describeUserData(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`
}
