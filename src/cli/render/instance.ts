import type { InstanceDetail } from '../../api/kiln/instance.ts'
import { type InstanceRecord, nameOf } from '../resolve/instance.ts'
import { renderAge } from './duration.ts'
import { paint, paintState } from './paint.ts'
import { formatBytes } from './progress.ts'
import type { Section } from './sections.ts'

/** An instance for people: what it is, where it is, how it booted, what it runs with. */
export function describeInstance(
  instance: InstanceRecord,
  detail: InstanceDetail,
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
        ['Private name', instance.PrivateDnsName],
        ['Zone', instance.Placement?.AvailabilityZone],
        ['Subnet', instance.SubnetId],
        ['VPC', instance.VpcId],
        [
          'Security groups',
          instance.SecurityGroups?.map((group) => withName(group.GroupId, group.GroupName)).join(', '),
        ],
        ...detail.PublicPorts.map(({ Port, HostPort, Problem }): [string, string] => [
          `Port ${Port}`,
          Problem ?? `${instance.PublicIpAddress}:${HostPort ?? Port}`,
        ]),
      ],
    },
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
        ['Console log', state === 'terminated' ? undefined : `${detail.MachineDirectory}/console.log`],
      ],
    },
  ]
}

/** Seconds after the boot was asked for; what has not been reached yet is told only while something is. */
function describeBoot({ BootStages, BootRequestedAt }: InstanceDetail): [string, string | undefined][] {
  const reached = BootStages.some(({ Seconds }) => Seconds !== undefined)
  if (!reached) return []
  return [
    ['Asked for', BootRequestedAt],
    ...BootStages.map(({ Name, Seconds }): [string, string] => [
      Name,
      Seconds === undefined ? 'not reached' : `${Seconds.toFixed(1).padStart(5)} s`,
    ]),
  ]
}

function describeTags({ Tags }: InstanceRecord): string {
  return (Tags ?? [])
    .filter(({ Key }) => Key !== 'Name')
    .map(({ Key, Value }) => `${Key}=${Value}`)
    .join(', ')
}
