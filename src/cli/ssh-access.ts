import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { KilnClient } from './client.ts'
import { quoteForShell } from './render/text.ts'
import type { InstanceRecord } from './resolve/instance.ts'
import type { Session } from './session.ts'

/** How a running instance lets its user in. */
export interface SshAccess {
  readonly instanceId: string
  readonly user: string
  /** The private key that Kiln keeps for its key pair. */
  readonly identity: string | undefined
}

/** Where the private key of a key pair is kept. */
export function keyFileOf(session: Session, keyName: string): string {
  return join(session.paths.keys, `${encodeURIComponent(keyName)}.pem`)
}

/** The login name of an instance's image, and the key if Kiln has it. */
export async function findSshAccess(
  session: Session,
  client: KilnClient,
  instance: InstanceRecord,
): Promise<SshAccess> {
  const instanceId = instance.InstanceId ?? ''
  const { LoginUser } = await client.call('KilnDescribeInstance', { InstanceId: instanceId })
  const path = instance.KeyName ? keyFileOf(session, instance.KeyName) : undefined
  const isKept = path !== undefined && (await canRead(path))
  return { instanceId, user: LoginUser, identity: isKept ? path : undefined }
}

/** The value of ssh's ProxyCommand: through the daemon's socket to the host that ssh was given, an instance id. */
export function proxyCommand(session: Session, hostToken: string, endpointId?: string): string {
  const region = session.region ? ['--region', session.region] : []
  const endpoint = endpointId === undefined ? [] : ['--endpoint', endpointId]
  const account = session.account ? ['--account', session.account] : []
  const words = ['env', `KILN_HOME=${session.paths.root}`, ...session.self, 'dial', ...region, ...account, ...endpoint]
  return `${escapePercent(words.map(quoteForShell).join(' '))} ${hostToken} %p`
}

/** Settings of ssh_config(5) that lead ssh, scp and sftp to instances by their ids; quoted as in its file. */
export function sshSettings(
  session: Session,
  identities: readonly string[],
  endpointId?: string,
): [name: string, value: string][] {
  return [
    ['ProxyCommand', proxyCommand(session, '%h', endpointId)],
    ['UserKnownHostsFile', quotePath(`${escapePercent(session.paths.knownHosts)}/%h`)],
    ['StrictHostKeyChecking', 'accept-new'],
    ['LogLevel', 'ERROR'],
    ...identities.map((path): [string, string] => ['IdentityFile', quotePath(escapePercent(path))]),
    ...(identities.length > 0 ? ([['IdentitiesOnly', 'yes']] satisfies [string, string][]) : []),
  ]
}

/** The settings as `-o` options. */
export function sshOptions(session: Session, identities: readonly string[], endpointId?: string): string[] {
  return sshSettings(session, identities, endpointId).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

/** ssh expands `%` in its values. */
function escapePercent(text: string): string {
  return text.replaceAll('%', '%%')
}

function quotePath(path: string): string {
  return `"${path}"`
}

/** Whether a file is there for this user. */
export async function canRead(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
