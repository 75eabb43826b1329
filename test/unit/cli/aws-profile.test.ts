import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderEnvironment } from '../../../src/cli/command/env.ts'
import { putSection } from '../../../src/cli/ini-section.ts'
import { runAgainst } from './run-against.ts'

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'kiln-profile-'))
})
afterEach(async () => {
  await rm(home, { recursive: true })
})

const settings = {
  EndpointUrl: 'http://127.0.0.1:8773',
  AccessKeyId: 'AKIAKILN',
  SecretAccessKey: 'se+cret/=',
  Region: 'us-east-1',
  AccountId: '123456789012',
}
const run = (argv: string[], environment: NodeJS.ProcessEnv = {}) =>
  runAgainst({ KilnGetEnvironment: () => settings }, ['aws-profile', ...argv], {
    environment: { HOME: home, ...environment },
  })

describe('kiln aws-profile', () => {
  test('writes both files, for their owner only, and shows what but not the secret', async () => {
    const { code, out, err } = await run(['--yes'])
    expect([code, out]).toEqual([0, `${home}/.aws/credentials\n${home}/.aws/config\n`])
    expect(err).toContain('endpoint_url = http://127.0.0.1:8773')
    expect(err).not.toContain('se+cret')
    expect(await readFile(join(home, '.aws/credentials'), 'utf8')).toBe(
      '[kiln]\naws_access_key_id = AKIAKILN\naws_secret_access_key = se+cret/=\n',
    )
    expect(await readFile(join(home, '.aws/config'), 'utf8')).toBe(
      '[profile kiln]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8773\n',
    )
    expect((await stat(join(home, '.aws/credentials'))).mode & 0o777).toBe(0o600)
    expect((await run(['--yes'])).err).toBe('The profile kiln is there already.\n')
  })

  test('keeps everything else in the files byte for byte, and a link a link', async () => {
    const before = Buffer.from(
      '# \xe4\r\n[default]\r\nregion=eu-west-1\r\n\r\n[profile kiln]\r\nregion = old\r\nsso = x\r\n\r\n# next\r\n[profile z]',
      'latin1',
    )
    await writeFile(join(home, 'real'), before, { mode: 0o640 })
    await symlink(join(home, 'real'), join(home, 'config'))
    const { code, err } = await run(['--yes'], {
      AWS_CONFIG_FILE: '~/config',
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'c'),
    })
    expect(code).toBe(0)
    expect(err).toContain('in place of the section that is there')
    expect((await readFile(join(home, 'config'), 'latin1')).replaceAll('\r\n', '\n')).toBe(
      '# \xe4\n[default]\nregion=eu-west-1\n\n[profile kiln]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8773\n\n# next\n[profile z]',
    )
    expect((await stat(join(home, 'real'))).mode & 0o777).toBe(0o640)
  })

  test('writes nothing when there is nobody to ask, or for a name that is none', async () => {
    expect((await run([])).code).toBe(2)
    expect((await run(['a]b', '--yes'])).code).toBe(2)
    await expect(stat(join(home, '.aws'))).rejects.toThrow('ENOENT')
  })
})

test.each([
  ['', '[a]\nk = v\n'],
  ['[b]\nx=1\n', '[b]\nx=1\n\n[a]\nk = v\n'],
  ['[b]\nx=1', '[b]\nx=1\n\n[a]\nk = v\n'],
  ['[a]\nold=1\n[b]\nx=1\n', '[a]\nk = v\n[b]\nx=1\n'],
  ['[ a ] # mine\nold=1\n  nested = 2\n\n; of b\n[b]', '[a]\nk = v\n\n; of b\n[b]'],
  ['[aa]\nk=1\n', '[aa]\nk=1\n\n[a]\nk = v\n'],
])('a section is put into %j', (before, after) => {
  expect(putSection(before, 'a', { k: 'v' })).toBe(after)
})

test.each(['bash', 'zsh', 'sh', 'fish'] as const)(
  'kiln env sets what %s then has, and forgets what contradicts',
  async (shell) => {
    const secret = `a'b"c\\d $e\`f`
    const commands = renderEnvironment({ AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: 'us-east-1' }, shell)
    const { stdout } = await execa(shell, ['-c', `${commands}env`], {
      env: { AWS_SESSION_TOKEN: 'stale', AWS_PROFILE: 'other', HOME: home, PATH: process.env['PATH'] ?? '' },
      extendEnv: false,
    })
    const variables = stdout.split('\n').filter((line) => line.startsWith('AWS_'))
    expect(variables.sort()).toEqual(['AWS_REGION=us-east-1', `AWS_SECRET_ACCESS_KEY=${secret}`])
  },
)
