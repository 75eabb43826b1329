import type { Command } from 'commander'
import { systemClock } from '../../host/clock.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { describeInstance } from '../render/instance.ts'
import { describeRecord } from '../render/record.ts'
import { renderSections, type Section } from '../render/sections.ts'
import { describeGroup } from '../render/security-group.ts'
import type { InstanceRecord } from '../resolve/instance.ts'
import { type Resource, resolveResource } from '../resolve/resource.ts'
import { listGroups } from '../resolve/security-group.ts'
import { addOutputOption, clientOf, hasColor, type OutputFormat, printAnswer, type Session } from '../session.ts'

/** `kiln describe` */
export function defineDescribe(command: Command, session: Session): void {
  addOutputOption(command)
    .argument('<resource>', 'name, or id of whatever has one: i-…, ami-…, vol-…, snap-…, sg-…, key-…, vpc-…, subnet-…')
    .action(async (name: string, { output }: { output: OutputFormat }) => {
      const client = clientOf(session)
      const resource = await resolveResource(client, name)
      const detail = resource.kind === 'instance' ? await detailOf(client, resource.record) : undefined
      if (output !== 'table') {
        const answer = detail ? { Instance: resource.record, Detail: detail } : resource.record
        return printAnswer(session, output, answer)
      }
      session.stdout.write(renderSections(await sectionsOf(session, client, resource, detail)))
    })
  addExamples(
    command,
    'kiln describe web',
    'kiln describe web -o json | jq .Detail.BootStages',
    'kiln describe ami-0123456789abcdef0',
  )
}

type Detail = Awaited<ReturnType<typeof detailOf>>

async function detailOf(client: KilnClient, { InstanceId = '' }: InstanceRecord) {
  const [detail, Metadata] = await Promise.all([
    client.call('KilnDescribeInstance', { InstanceId }),
    client.call('KilnDescribeMetadataUse', { InstanceId }),
  ])
  return { ...detail, Metadata }
}

async function sectionsOf(
  session: Session,
  client: KilnClient,
  resource: Resource,
  detail: Detail | undefined,
): Promise<Section[]> {
  if (resource.kind === 'group') return describeGroup(resource.record, await listGroups(client))
  if (resource.kind !== 'instance' || !detail) return describeRecord(resource.kind, resource.record)
  const { Images } = await client.call('DescribeImages', {})
  const imageName = Images?.find(({ ImageId }) => ImageId === resource.record.ImageId)?.Name
  return describeInstance(resource.record, detail, { now: systemClock.now(), imageName, hasColor: hasColor(session) })
}
