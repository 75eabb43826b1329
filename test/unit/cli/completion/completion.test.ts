import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { completionScript } from '../../../../src/cli/completion/scripts.ts'
import { runAgainst } from '../run-against.ts'

const answers = {
  DescribeInstances: () => ({
    Reservations: [
      {
        Instances: [
          { InstanceId: 'i-00000000000000001', State: { Name: 'running' }, Tags: [{ Key: 'Name', Value: 'web' }] },
          { InstanceId: 'i-00000000000000002', State: { Name: 'terminated' }, Tags: [{ Key: 'Name', Value: 'gone' }] },
          {
            InstanceId: 'i-00000000000000003',
            State: { Name: 'stopped' },
            Tags: [{ Key: 'Name', Value: '$(reboot)' }],
          },
        ],
      },
    ],
  }),
  DescribeImages: () => ({ Images: [{ ImageId: 'ami-00000001', Name: 'nano' }] }),
  DescribeSecurityGroups: () => ({ SecurityGroups: [{ GroupId: 'sg-00000001', GroupName: 'front' }] }),
}

async function complete(...words: string[]): Promise<string[]> {
  const { code, out } = await runAgainst(answers, ['complete', '--', ...words])
  expect(code).toBe(0)
  return out.split('\n').slice(0, -1)
}

test.each([
  [['ru'], ['run']],
  [['sg', 'al'], ['allow']],
  [['ls', '--ou'], ['--output']],
  [
    ['ls', '--output', ''],
    ['table', 'json', 'yaml'],
  ],
  [['ls', '--output=y'], ['--output=yaml']],
  [
    ['stop', ''],
    ['web', 'i-00000000000000001', 'i-00000000000000003'],
  ],
  [['stop', 'web', 'w'], ['web']],
  [['run', 'n'], ['nano']],
  [['run', 'nano', '--sg', 'f'], ['front']],
  [['run', '--user-data', ''], [':files']],
  [
    ['sg', 'describe', ''],
    ['front', 'sg-00000001'],
  ],
  [
    ['cp', 'w'],
    ['web:', ':files'],
  ],
  [['cp', 'web:/e'], []],
  [['ssh', 'web', 'ls', '/'], [':files']],
  [['completion', 'f'], ['fish']],
  [['nonsense', ''], []],
])('completes %j', async (words, expected) => {
  expect(await complete(...words)).toEqual(expected)
})

test('completes nothing, in silence, when the daemon does not run', async () => {
  expect(await runAgainst(undefined, ['complete', '--', 'stop', ''])).toMatchObject({ code: 0, out: '', err: '' })
})

test('offers in bash what kiln complete says, cut at colons, which end words there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-bash-'))
  try {
    const kiln = join(directory, 'kiln')
    await writeFile(kiln, '#!/bin/sh\nshift 2\nprintf "%s\\n" "asked $*" >&2\nprintf "web:/etc\\nweb:/srv\\n"\n')
    await chmod(kiln, 0o755)
    const driver = `${completionScript('bash')}
compopt() { :; }
COMP_LINE='kiln cp -r web:/' COMP_POINT=16
_kiln
printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout } = await execa('bash', ['-c', driver], {
      env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
    })
    expect(stdout).toBe('/etc\n/srv')
  } finally {
    await rm(directory, { recursive: true })
  }
})
