import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Lab } from '../lab.ts'

/** The guide's own example: what a reader copies is what is tried. */
const template = join(import.meta.dirname, '../../../docs/guides/examples/packer/web.json')

/** Runs Packer as its user would after `eval "$(kiln env)"`; answers the id of the image that it bakes of `debian-12`. */
export async function bakeByPacker(
  lab: Lab,
  { groupId, instanceType, timeoutMs }: { groupId: string; instanceType: string; timeoutMs: number },
): Promise<string> {
  const { stdout: variables } = await lab.kiln('env', '--shell', 'json')
  const lowestPort = Number(await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  // As the guide says for an ordinary user.
  const port = lowestPort > 22 ? ['-var', 'ssh_port=10022', '-var', `group=${groupId}`] : []
  const type = ['-var', `type=${instanceType}`]
  const { stdout } = await execa('packer', ['build', '-machine-readable', ...port, ...type, template], {
    env: {
      ...(JSON.parse(variables) as Record<string, string>),
      PATH: '/usr/bin:/bin',
      HOME: lab.home,
      PACKER_CONFIG_DIR: lab.home,
      CHECKPOINT_DISABLE: '1',
      // As often as every two seconds instead of every fifteen.
      AWS_POLL_DELAY_SECONDS: '2',
    },
    extendEnv: false,
    timeout: timeoutMs,
  })
  return /,artifact,0,id,us-east-1:(ami-[0-9a-f]{17})$/m.exec(stdout)?.[1] ?? ''
}
