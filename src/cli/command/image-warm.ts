import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { TemplateDescription, WarmImageDescription } from '../../api/kiln/fast-launch.ts'
import { type TemplateDepth, templateDepths } from '../../ec2/ports/machine-spec.ts'
import { systemClock } from '../../host/clock.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode, ExitRequest } from '../failure.ts'
import { addExamples } from '../help.ts'
import { renderAge } from '../render/duration.ts'
import { formatBytes } from '../render/progress.ts'
import { resolveImage } from '../resolve/image.ts'
import { addOutputOption, clientOf, collect, note, type OutputFormat, printListing } from '../session.ts'
import { say, type Session } from '../session.ts'

const pollIntervalMs = 300

/** `kiln image warm` */
export function defineWarm(command: Command, session: Session): void {
  command
    .description('Keep warm templates of an image, which its launches go on from')
    .argument('<image>', 'id or name')
    .option('--type <type>', 'instance type; repeatable; the one of kiln run when absent, then those launched', collect)
    .addOption(new Option('--depth <depth>', 'how far its guest is to have come').choices(templateDepths))
    .option('--wait', 'return when they are made')
    .action(async (name: string, options: { type?: string[]; depth?: TemplateDepth; wait?: boolean }) => {
      const client = clientOf(session)
      const { ImageId = '' } = await resolveImage(client, name)
      const image = await client.call('KilnWarmImage', {
        ImageId,
        ...(options.type ? { InstanceTypes: options.type } : {}),
        ...(options.depth ? { Depth: options.depth } : {}),
      })
      if (options.wait) await waitForTemplates(session, client, image)
      else say(session, `${ImageId} ${image.State}: ${image.Depth}, for ${image.InstanceTypes.join(', ')}`)
    })
  addExamples(command, 'kiln image warm debian-12 --wait', 'kiln image warm nano --type t3.nano --type t3.small')
}

/** `kiln image cool` */
export function defineCool(command: Command, session: Session): void {
  command
    .description('Drop the warm templates of an image; its launches boot again')
    .argument('<image>', 'id or name')
    .action(async (name: string) => {
      const client = clientOf(session)
      const { ImageId = '' } = await resolveImage(client, name)
      await client.call('DisableFastLaunch', { ImageId })
    })
  addExamples(command, 'kiln image cool debian-12')
}

/** `kiln image templates` */
export function defineTemplates(command: Command, session: Session): void {
  addOutputOption(command.description('List warm templates, and what they cost'))
    .argument('[image]', 'id or name; all when absent')
    .action(async (name: string | undefined, { output }: { output: OutputFormat }) => {
      const client = clientOf(session)
      const { ImageId } = name === undefined ? {} : await resolveImage(client, name)
      const answer = await client.call('KilnDescribeTemplates', ImageId === undefined ? {} : { ImageIds: [ImageId] })
      const { Images = [] } = await client.call('DescribeImages', { IncludeDisabled: true })
      const nameOf = (id: string) => Images.find((image) => image.ImageId === id)?.Name ?? id
      const now = systemClock.now()
      await printListing<Row>(session, output, {
        answer,
        rows: rowsOf(answer),
        empty: 'No warm templates. Have some made with: kiln image warm IMAGE',
        columns: [
          { title: 'TEMPLATE', value: (row) => row.TemplateId },
          { title: 'IMAGE', value: (row) => nameOf(row.ImageId) },
          { title: 'TYPE', value: (row) => row.InstanceType },
          { title: 'DEPTH', value: (row) => row.Depth },
          { title: 'STATE', value: (row) => row.State },
          { title: 'MEMORY', value: ({ MemoryBytes: bytes }) => bytes && formatBytes(bytes) },
          { title: 'DISK', value: ({ DiskBytes: bytes }) => bytes && formatBytes(bytes) },
          { title: 'MADE IN', value: ({ MadeInSeconds: seconds }) => seconds && `${seconds.toFixed(1)} s` },
          { title: 'AHEAD', value: ({ PooledInstanceIds: ids }) => ids?.length.toString() },
          { title: 'USED', value: ({ UseCount: count }) => count?.toString() },
          { title: 'LAST', value: ({ LastUseTime: time }) => time && `${renderAge(time, now)} ago` },
          { title: 'SHAPE', value: ({ Shape: shape }) => shape?.slice(0, 12) },
        ],
      })
    })
  addExamples(command, 'kiln image templates', 'kiln image templates debian-12 -o json')
}

/** A template, or what stands in the place of one that is not there: the state of its image. */
interface Row extends Partial<Omit<TemplateDescription, 'State'>> {
  readonly ImageId: string
  readonly State: string
}

interface Warmth {
  readonly Images: readonly WarmImageDescription[]
  readonly Templates: readonly TemplateDescription[]
}

function rowsOf({ Images: images, Templates: templates }: Warmth): Row[] {
  const missing = images.flatMap(({ ImageId, InstanceTypes, Depth, State, StateTransitionReason: reason }) =>
    InstanceTypes.filter((type) => !templates.some((one) => one.ImageId === ImageId && one.InstanceType === type)).map(
      (InstanceType) => ({
        ImageId,
        InstanceType,
        Depth,
        State: State.endsWith('failed') ? `${State}: ${reason}` : State,
      }),
    ),
  )
  return [...templates, ...missing]
}

/** Tells each template as it is made. Has no time limit of its own: a slow guest is no failure. Ctrl-C ends the wait, not the making. */
async function waitForTemplates(session: Session, client: KilnClient, { ImageId }: WarmImageDescription) {
  const told = new Set<string>()
  for (;;) {
    const { Images, Templates } = await client.call('KilnDescribeTemplates', { ImageIds: [ImageId] })
    const [image] = Images
    for (const template of Templates) {
      const line = describeProgress(template)
      if (!told.has(line)) note(session, line)
      told.add(line)
    }
    if (image?.State === 'enabled') return
    if (image?.State !== 'enabling') {
      const why = image ? `${image.State}: ${image.StateTransitionReason}` : 'disabled meanwhile'
      throw new CliError(`Fast Launch of ${ImageId} is ${why}.`, { hint: 'Its launches boot as before.' })
    }
    await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
    if (session.signal.aborted) {
      note(session, 'It goes on without you. See: kiln image templates')
      throw new ExitRequest(exitCode.interrupted)
    }
  }
}

function describeProgress({ TemplateId, InstanceType, State, MadeInSeconds: seconds }: TemplateDescription): string {
  const how = State === 'making' || seconds === undefined ? 'boots' : `is ready, made in ${seconds.toFixed(1)} s`
  return `${TemplateId} for ${InstanceType} ${how}`
}
