import { type Command, Option } from 'commander'
import { quoteForFish, quoteForShell } from '../render/text.ts'
import { clientOf, type Session } from '../session.ts'

/** `kiln env` */
export function defineEnv(command: Command, session: Session): void {
  command
    .addOption(new Option('--shell <name>', 'bash, fish or json').choices(['bash', 'fish', 'json']).default('bash'))
    .addHelpText('after', '\nExample:\n  eval "$(kiln env)" && aws ec2 describe-instances')
    .action(async ({ shell }: { shell: 'bash' | 'fish' | 'json' }) => {
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
}

/** Variables as commands of a shell. */
export function renderEnvironment(variables: Record<string, string>, shell: 'bash' | 'fish' | 'json'): string {
  if (shell === 'json') return `${JSON.stringify(variables, null, 2)}\n`
  const lines = Object.entries(variables).map(([name, value]) =>
    shell === 'fish' ? `set -gx ${name} ${quoteForFish(value)}` : `export ${name}=${quoteForShell(value)}`,
  )
  return `${lines.join('\n')}\n`
}
