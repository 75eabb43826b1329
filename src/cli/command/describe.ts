import { type Command, Option } from 'commander'
import { resolveInstance } from '../resolve/instance.ts'
import { clientOf, printAnswer, type Session } from '../session.ts'

/** `kiln describe` */
export function defineDescribe(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .addOption(new Option('-o, --output <format>', 'yaml or json').choices(['yaml', 'json']).default('yaml'))
    .action(async (name: string, { output }: { output: 'json' | 'yaml' }) => {
      const client = clientOf(session)
      const instance = await resolveInstance(client, name)
      const detail = await client.call('KilnDescribeInstance', { InstanceId: instance.InstanceId ?? '' })
      await printAnswer(session, output, { Instance: instance, Detail: detail })
    })
}
