import { type Command, Option } from 'commander'
import { quoteForFish, quoteForShell } from '../render/text.ts'
import { addExamples } from '../help.ts'
import { clientOf, type Session } from '../session.ts'

const shells = ['bash', 'zsh', 'sh', 'fish', 'json'] as const
type Shell = (typeof shells)[number]

/** What a shell may have from elsewhere that would lead AWS tools past these settings. */
const misleading = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SESSION_TOKEN']

/** `kiln env` */
export function defineEnv(command: Command, session: Session): void {
  command
    .addOption(new Option('--shell <name>', 'whose commands to print').choices([...shells]).default('bash'))
    .action(async ({ shell }: { shell: Shell }) => {
      const settings = await clientOf(session).call('KilnGetEnvironment', {})
      const variables = {
        AWS_ENDPOINT_URL: settings.EndpointUrl,
        AWS_ENDPOINT_URL_EC2: settings.EndpointUrl,
        AWS_ENDPOINT_URL_STS: settings.EndpointUrl,
        AWS_ACCESS_KEY_ID: settings.AccessKeyId,
        AWS_SECRET_ACCESS_KEY: settings.SecretAccessKey,
        AWS_REGION: session.region ?? settings.Region,
        AWS_DEFAULT_REGION: session.region ?? settings.Region,
      }
      session.stdout.write(renderEnvironment(variables, shell))
    })
  addExamples(
    command,
    'eval "$(kiln env)" && aws ec2 describe-instances',
    'kiln env --shell fish | source',
    'kiln env --shell json | jq -r .AWS_ENDPOINT_URL',
  )
}

/** Variables as commands of a shell, which also forgets what would contradict them. */
export function renderEnvironment(variables: Record<string, string>, shell: Shell): string {
  if (shell === 'json') return `${JSON.stringify(variables, null, 2)}\n`
  const isFish = shell === 'fish'
  const settings = Object.entries(variables).map(([name, value]) =>
    isFish ? `set -gx ${name} ${quoteForFish(value)}` : `export ${name}=${quoteForShell(value)}`,
  )
  return `${[`${isFish ? 'set -e' : 'unset'} ${misleading.join(' ')}`, ...settings].join('\n')}\n`
}
