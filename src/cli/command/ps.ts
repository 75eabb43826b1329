import type { Command } from 'commander'
import type { ScheduleDescription } from '../../api/kiln/schedule.ts'
import { instanceAddress, type Lab, labTag } from '../../manifest/lab.ts'
import { type InstanceRecord, listLabInstances, tagOf } from '../../manifest/observed.ts'
import { addExamples } from '../help.ts'
import { addFileOption, type LabOptions, openLab } from '../lab.ts'
import { nameOf } from '../resolve/instance.ts'
import { addOutputOption, type OutputFormat, printListing, type Session } from '../session.ts'

interface Row {
  readonly address: string
  /** Absent: the manifest has it and the daemon does not. */
  readonly record: InstanceRecord | undefined
  readonly next: ScheduleDescription | undefined
}

/** `kiln ps` */
export function definePs(command: Command, session: Session): void {
  addExamples(command, 'kiln ps', 'kiln ps -f shop.yaml --output json')
  addFileOption(addOutputOption(command)).action(async (options: LabOptions & { output: OutputFormat }) => {
    const { lab, client } = await openLab(session, options)
    const [records, { Schedules: schedules }] = await Promise.all([
      listLabInstances(client.call, lab.name),
      client.call('KilnDescribeSchedules', {}),
    ])
    const live = records.filter((record) => record.State?.Name !== 'terminated')
    const rows = listRows(lab, live, schedules)
    await printListing(session, options.output, {
      answer: {
        Lab: lab.name,
        Instances: rows.map(({ address, record, next }) => ({
          Address: address,
          ...record,
          ...(next ? { NextAction: next.Action, NextRun: next.NextRun } : {}),
        })),
      },
      rows,
      empty: `The lab ${lab.name} has no instances.`,
      columns: [
        { title: 'INSTANCE', value: ({ address }) => address },
        { title: 'NAME', value: ({ record }) => record && nameOf(record) },
        { title: 'ID', value: ({ record }) => record?.InstanceId },
        { title: 'STATE', value: ({ record }) => record?.State?.Name ?? 'missing' },
        { title: 'TYPE', value: ({ record }) => record?.InstanceType },
        { title: 'PUBLIC IP', value: ({ record }) => record?.PublicIpAddress },
        { title: 'PRIVATE IP', value: ({ record }) => record?.PrivateIpAddress },
        { title: 'NEXT', value: ({ next }) => next && `${next.Action} ${formatTime(next.NextRun)}` },
      ],
    })
  })
}

/** What the manifest wants, then what the daemon has beyond that. */
function listRows(lab: Lab, live: readonly InstanceRecord[], schedules: readonly ScheduleDescription[]): Row[] {
  const byAddress = new Map(live.map((record) => [tagOf(record, labTag.resource) ?? '', record]))
  const wanted = [...lab.instances.values()].flatMap(({ key, count }) =>
    Array.from({ length: count }, (_, index) => instanceAddress(key, index)),
  )
  return [...new Set([...wanted, ...byAddress.keys()])].map((address) => {
    const record = byAddress.get(address)
    return { address, record, next: record && findNext(schedules, record.InstanceId ?? '') }
  })
}

function findNext(schedules: readonly ScheduleDescription[], instanceId: string): ScheduleDescription | undefined {
  return schedules
    .filter(({ InstanceIds: ids, NextRun: next }) => next !== undefined && ids.includes(instanceId))
    .sort((a, b) => (a.NextRun ?? '').localeCompare(b.NextRun ?? ''))[0]
}

/** In the time zone of whoever reads it. */
function formatTime(time: string | undefined): string {
  return time === undefined ? '' : new Date(time).toLocaleString('sv-SE', { dateStyle: 'short', timeStyle: 'short' })
}
