import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitForImage } from './images.ts'
import { type Lab, openLab } from './lab.ts'

/** The guides' own examples: what a reader copies is what is tried. */
const examples = join(import.meta.dirname, '../../docs/guides/examples')
const python = '/usr/bin/python3'
/** Where an ordinary user may listen for a server's port 22. */
const sshPort = process.getuid?.() === 0 ? '22' : '10022'
/** Each has two boots of a server, and all have them at the same time. */
const patience = 900_000

let lab: Lab
/** Compiles while the lab is prepared and other clients run; answers the program of the guide. */
let goProgram: Promise<string>
let environment: Record<string, string>
let left: string[] | undefined

beforeAll(async () => {
  lab = await openLab()
  goProgram = buildGo(join(lab.home, 'go-life'))
  // Whoever waits for it is told, and nobody does when the preparations fail.
  goProgram.catch(() => undefined)
  await lab.startDaemon()
  // Other files have it built by an ordinary user, so root's own way is tried here.
  const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'nano' })
  await waitForImage(lab, taskId)
  const { stdout } = await lab.kiln('env', '--shell', 'json')
  environment = {
    ...(JSON.parse(stdout) as Record<string, string>),
    PATH: '/usr/bin:/bin',
    HOME: lab.home,
    LANG: 'C.UTF-8',
    NO_PROXY: '127.0.0.1',
    SSH_PORT: sshPort,
  }
})
afterAll(async () => {
  left ??= await lab.close()
})

/** Runs a client as its user would after `eval "$(kiln env)"`; answers what it printed, and fails with all of it. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execa(program, args, { env: environment, extendEnv: false, timeout: patience })
  return stdout
}

/** As the guide says for Debian's packages. The SDK's API of EC2 is a minute's work, so it is optimized not at all, and yields to guests. */
async function buildGo(program: string): Promise<string> {
  const plain = '-gcflags=github.com/aws/...=-N -l'
  await execa('nice', ['/usr/bin/go', 'build', plain, '-o', program, '.'], {
    cwd: join(examples, 'go'),
    env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode' },
  })
  return program
}

async function playbook(name: string): Promise<string> {
  const settings = { key_file: join(lab.home, 'ansible.pem'), ssh_port: sshPort, ansible_python_interpreter: python }
  return await run('ansible-playbook', join(examples, 'ansible', name), '-e', JSON.stringify(settings))
}

function expectWholeLife(printed: string): void {
  expect(printed).toContain('told by user data')
  expect(printed).toMatch(/^the life of i-[0-9a-f]{17} .*is over$/m)
}

describe.concurrent('a server lives its whole life by', () => {
  test.each([
    ['the AWS CLI', 'sh', 'aws-cli.sh'],
    ['boto3', python, 'boto3_life.py'],
    ['the AWS SDK for JavaScript', process.execPath, 'javascript.mjs'],
    ['Apache libcloud', python, 'libcloud_life.py'],
  ])('%s', async (_client, program, example) => expectWholeLife(await run(program, join(examples, example))), patience)

  test('the AWS SDK for Go', async () => expectWholeLife(await run(await goProgram)), patience)

  test(
    'Ansible, which changes nothing the second time',
    async () => {
      expect(await playbook('lab.yaml')).toMatch(/changed=[1-9]\d* .*failed=0/)
      expect(await playbook('lab.yaml')).toMatch(/changed=0 .*failed=0/)
      expect(await playbook('resize.yaml')).toMatch(/changed=[1-9]\d* .*failed=0/)
      expect(await playbook('teardown.yaml')).toMatch(/changed=[1-9]\d* .*failed=0/)
    },
    patience,
  )
})

test('and nothing is left of any of them', async () => {
  const [images, snapshots, volumes, keys, groups, vpcs] = await Promise.all([
    lab.call('DescribeImages', { Owners: ['self'] }),
    lab.call('DescribeSnapshots', { OwnerIds: ['self'] }),
    lab.call('DescribeVolumes', {}),
    lab.call('DescribeKeyPairs', {}),
    lab.call('DescribeSecurityGroups', {}),
    lab.call('DescribeVpcs', {}),
  ])
  expect(images.Images?.map(({ Name }) => Name)).toEqual(['nano'])
  expect(snapshots.Snapshots).toHaveLength(1)
  expect(volumes.Volumes).toEqual([])
  expect(keys.KeyPairs).toEqual([])
  expect(groups.SecurityGroups?.map(({ GroupName }) => GroupName)).toEqual(['default'])
  expect(vpcs.Vpcs).toHaveLength(1)
  left = await lab.close()
  expect(left).toEqual([])
})
