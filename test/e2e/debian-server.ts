import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { machineFile } from '../../src/host/state-paths.ts'
import { pingGuestAgent } from '../../src/machine/guest-agent.ts'
import { type Lab, until } from './lab.ts'
import type { Servers } from './servers.ts'

/** A Debian server of a daemon that somebody runs. */
export interface DebianServer {
  readonly lab: Lab
  readonly servers: Servers
  readonly id: string
}

/** A whole Debian takes its time where processors are emulated, all the more its installation: the limit only ends a hang. */
export const patience = 900_000

const userDataOf = (hasFailingScript: boolean) => `Content-Type: multipart/mixed; boundary="part"
MIME-Version: 1.0

--part
Content-Type: text/cloud-config

#cloud-config
# An RSA key takes an emulated processor long.
ssh_genkeytypes: [ed25519]
write_files:
  - path: /etc/told-by-config
    content: from cloud-config
--part
Content-Type: text/x-shellscript

#!/bin/sh
echo ran >>/var/lib/told-by-script
--part
Content-Type: text/x-shellscript

#!/bin/sh
exit ${hasFailingScript ? 3 : 0}
--part--
`

/** Launches a Debian by the AWS CLI, with user data of several parts and a larger disk than its image has. */
export async function launchDebian(
  lab: Lab,
  servers: Servers,
  imageId: string,
  { hasFailingScript }: { hasFailingScript: boolean },
): Promise<DebianServer> {
  const userData = join(lab.home, 'user-data')
  await writeFile(userData, userDataOf(hasFailingScript))
  const launched = (await lab.aws(
    ...['run-instances', '--image-id', imageId, '--instance-type', 't3.micro', '--key-name', 'servers'],
    ...['--security-group-ids', servers.groupId, '--user-data', `file://${userData}`],
    ...['--metadata-options', 'HttpTokens=required'],
    ...['--block-device-mappings', 'DeviceName=/dev/xvda,Ebs={VolumeSize=10}'],
  )) as { Instances: { InstanceId: string }[] }
  return { lab, servers, id: launched.Instances[0]?.InstanceId ?? '' }
}

/** What one login is asked, all at once: where processors are emulated, each login costs seconds, and so does each start of Python. */
const questions = {
  login: 'id -un; hostname; cat /run/cloud-init/cloud-id; cat /var/lib/cloud/data/instance-id; sudo id -u',
  userData: 'cat /etc/told-by-config; echo; cat /var/lib/told-by-script',
  rootKib: 'df --output=size / | tail -n 1',
  cloudInit: 'cloud-init status || true',
  failedUnits: 'systemctl --failed --no-legend',
  files: "stat -c '%U:%G %a' / /etc/shadow /usr/bin/sudo /tmp; /sbin/getcap /usr/bin/ping",
} as const
const separator = '-- the next answer --'

async function ask({ servers, id }: DebianServer): Promise<Record<keyof typeof questions, string>> {
  const answers = (await servers.run(id, Object.values(questions).join(`; echo '${separator}'; `))).split(separator)
  const told = Object.keys(questions).map((name, index) => [name, answers[index]?.trim() ?? ''])
  return Object.fromEntries(told) as Record<keyof typeof questions, string>
}

/** Tests of what `launchDebian` has launched: that it is a Debian as EC2's users know it. */
export function testDebianServer(
  serverOf: () => DebianServer,
  { hasFailingScript }: { hasFailingScript: boolean },
): void {
  const detail = () => serverOf().lab.call('KilnDescribeInstance', { InstanceId: serverOf().id })
  let told: Awaited<ReturnType<typeof ask>>

  test(
    'boots through every stage and lets the key pair in',
    async () => {
      const { servers, id } = serverOf()
      await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
      const { BootStages: stages } = await detail()
      const at = Object.fromEntries(stages.map(({ Name, Seconds }) => [Name, Seconds ?? Number.NaN]))
      const order = ['disk', 'qemu', 'firmware', 'kernel', 'network', 'metadata', 'cloud-init'].map((name) => at[name])
      expect(order).toEqual(order.toSorted((one = 0, other = 0) => one - other))
      told = await ask(serverOf())
    },
    patience,
  )

  test('has admin for its user, the hostname of EC2 and the metadata service of EC2', async () => {
    const { PrivateIpAddress: privateIp = '' } = await serverOf().servers.describe(serverOf().id)
    expect(told.login).toBe(['admin', `ip-${privateIp.replaceAll('.', '-')}`, 'aws', serverOf().id, '0'].join('\n'))
  })

  test('applies all parts of the user data', () => {
    expect(told.userData).toBe('from cloud-config\nran')
  })

  test('grows the root file system to the disk', () => {
    expect(Number(told.rootKib)).toBeGreaterThan(9.5 * 1024 * 1024)
  })

  test('tells of what has failed in the guest, and only of that', async () => {
    const { Problem: problem } = await detail()
    if (hasFailingScript) {
      expect(told.cloudInit).toBe('status: error')
      expect(problem).toMatch(/cloud-init.*scripts-user/)
    } else {
      expect(told.cloudInit).toBe('status: done')
      expect(problem).toBeUndefined()
      expect(told.failedUnits).toBe('')
    }
  })

  test('keeps the owners, special bits and capabilities of Debian', () => {
    expect(told.files).toBe(
      ['root:root 755', 'root:shadow 640', 'root:root 4755', 'root:root 1777', '/usr/bin/ping cap_net_raw=ep'].join(
        '\n',
      ),
    )
  })

  test('answers by its guest agent', async () => {
    const { MachineDirectory: directory } = await detail()
    await until(async () => await pingGuestAgent(join(directory, machineFile.agentSocket), 10_000))
  })
}
