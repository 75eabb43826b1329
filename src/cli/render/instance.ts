import type { InstanceDetail } from '../../api/kiln/instance.ts'
import type { MetadataUse } from '../../api/kiln/metadata.ts'
import { type InstanceRecord, nameOf } from '../resolve/instance.ts'
import { renderAge } from './duration.ts'
import { paint, paintState } from './paint.ts'
import { formatBytes } from './progress.ts'
import { describePublicPorts } from './public-ports.ts'
import type { Section } from './sections.ts'

/** An instance for people: what it is, where it is, how it booted, what it runs with. */
export function describeInstance(
  instance: InstanceRecord,
  detail: InstanceDetail & { Metadata: MetadataUse },
  options: { now: Date; imageName: string | undefined; hasColor: boolean },
): Section[] {
  const { now, imageName, hasColor } = options
  const state = instance.State?.Name
  const age = renderAge(instance.LaunchTime, now)
  const withName = (id: string | undefined, name: string | undefined) => (name ? `${id} (${name})` : id)
  const paintText = (value: string, name: string) => {
    if (!hasColor) return value
    if (name === 'Problem') return paint(value, 'red')
    return name === 'State' ? paintState(value, state) : value
  }
  return [
    {
      paint: paintText,
      rows: [
        ['Instance', instance.InstanceId],
        ['Name', nameOf(instance)],
        ['State', state],
        ['Reason', instance.StateReason?.Message],
        ['Problem', detail.Problem],
        ['Type', instance.InstanceType],
        ['Image', withName(instance.ImageId, imageName)],
        ['Architecture', instance.Architecture],
        ['Launched', age === undefined ? instance.LaunchTime : `${instance.LaunchTime} (${age} ago)`],
        ['Key pair', instance.KeyName],
        ['Login', detail.LoginUser],
        ['Tags', describeTags(instance)],
      ],
    },
    {
      title: 'Network',
      rows: [
        ['Public address', instance.PublicIpAddress],
        ['Private address', instance.PrivateIpAddress],
        ['IPv6 addresses', ipv6AddressesOf(instance).join(', ') || undefined],
        ['Private name', instance.PrivateDnsName],
        ['Zone', instance.Placement?.AvailabilityZone],
        ['Subnet', instance.SubnetId],
        ['VPC', instance.VpcId],
        [
          'Security groups',
          instance.SecurityGroups?.map((group) => withName(group.GroupId, group.GroupName)).join(', '),
        ],
        ...describePublicPorts(detail),
        ...(detail.Bridges ?? []).map(describeBridge),
        ['Dropped', describeDropped(detail)],
      ],
    },
    { title: 'Metadata', rows: describeMetadata(instance, detail.Metadata) },
    { title: 'Boot', rows: describeBoot(detail) },
    {
      title: 'Machine',
      rows: [
        ['Accelerator', detail.Accelerator && [detail.Accelerator.Name, detail.Accelerator.Reason].join(': ')],
        ['QEMU', detail.QemuPid && `pid ${detail.QemuPid}`],
        [
          'Root disk',
          detail.RootDisk &&
            `${formatBytes(detail.RootDisk.VirtualSizeBytes)}, ${formatBytes(detail.RootDisk.AllocatedBytes)} of its own`,
        ],
        ['', detail.RootDisk?.Path],
        [
          'Volumes',
          instance.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => `${DeviceName} ${Ebs?.VolumeId}`).join(', '),
        ],
        [
          'Memory kept',
          detail.Hibernation &&
            `${formatBytes(detail.Hibernation.SizeBytes)} since ${detail.Hibernation.SavedAt}${detail.Hibernation.Encrypted ? ', encrypted' : ''}`,
        ],
        ['', detail.Hibernation?.Path],
        ['Console log', state === 'terminated' ? undefined : `${detail.MachineDirectory}/console.log`],
      ],
    },
  ]
}

function ipv6AddressesOf({ NetworkInterfaces: interfaces }: InstanceRecord): string[] {
  return (interfaces ?? [])
    .flatMap(({ Ipv6Addresses: told }) => told ?? [])
    .flatMap(({ Ipv6Address: one }) => one ?? [])
}

function describeMetadata(
  { MetadataOptions: options }: InstanceRecord,
  { RequestCount, ThrottledCount }: MetadataUse,
): [string, string | undefined][] {
  return [
    ['Service', options?.HttpEndpoint],
    ['Tokens', options?.HttpTokens],
    ['IPv6 endpoint', options?.HttpProtocolIpv6 === 'enabled' ? 'enabled' : undefined],
    ['Requests', `${RequestCount}${ThrottledCount > 0 ? `, ${ThrottledCount} of them too many (503)` : ''}`],
  ]
}

/** A device on a bridge of the host. */
function describeBridge({
  Bridge,
  MacAddress,
  Addresses,
}: NonNullable<InstanceDetail['Bridges']>[number]): [string, string] {
  const addresses = Addresses.length > 0 ? Addresses.join(', ') : 'no address seen yet'
  return [`Bridge ${Bridge}`, `${MacAddress}, ${addresses}`]
}

/** What it has sent in vain. */
function describeDropped({ DroppedPackets: dropped }: InstanceDetail): string | undefined {
  return dropped && `${dropped.Forged} packets that were forged, ${dropped.Flood} beyond its limits`
}

/** Seconds after the boot was asked for; what has not been reached yet is told only while something is. */
function describeBoot({ BootStages, BootRequestedAt, BootWay }: InstanceDetail): [string, string | undefined][] {
  const reached = BootStages.some(({ Seconds }) => Seconds !== undefined)
  if (!reached) return []
  return [
    ['Asked for', BootRequestedAt],
    ['Way', describeWay(BootWay)],
    ...BootStages.map(({ Name, Seconds }): [string, string] => [
      Name,
      Seconds === undefined ? 'not reached' : `${Seconds.toFixed(1).padStart(5)} s`,
    ]),
  ]
}

/** How its machine came to run. */
function describeWay(way: InstanceDetail['BootWay']): string | undefined {
  if (way?.Kind === 'template') return `from warm template ${way.TemplateId} (${way.Depth})`
  return way && (way.Reason === undefined ? 'booted' : `booted (${way.Reason})`)
}

function describeTags({ Tags }: InstanceRecord): string {
  return (Tags ?? [])
    .filter(({ Key }) => Key !== 'Name')
    .map(({ Key, Value }) => `${Key}=${Value}`)
    .join(', ')
}
