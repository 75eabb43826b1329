import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../e2e/lab.ts'

const execute = promisify(execFile)
const program = join(import.meta.dirname, '../../../images/guest/root/usr/lib/kiln/template')

/** A program of cloud-init, in a directory with all that stages of it have to do with. */
async function makeStages(): Promise<{ directory: string; stage: (...words: string[]) => Promise<unknown> }> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-stages-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await mkdir(join(directory, 'groups/system.slice'), { recursive: true })
  await writeFile(
    join(directory, 'cloud-init'),
    `#!/usr/bin/python3
import json, os, sys
loaded = 'email.generator' in sys.modules
if sys.argv[1:] == ['kill']:
    os.kill(os.getpid(), 9)
print(json.dumps([sys.argv[1:], os.environ.get('STAGE'), loaded, os.getpid(), os.getpid() == os.getsid(0)]))
sys.exit(int(os.environ.get('CODE', '0')))
`,
  )
  await chmod(join(directory, 'cloud-init'), 0o755)
  const source = await readFile(join(program, 'stage'), 'utf8')
  await writeFile(join(directory, 'stage'), source.replace('/run/kiln/stages', join(directory, 'socket')))
  await chmod(join(directory, 'stage'), 0o755)
  return {
    directory,
    stage: async (...words) => {
      const env = { ...process.env, STAGE: 'of a unit' }
      const { stdout } = await execute(join(directory, 'stage'), [join(directory, 'cloud-init'), ...words], { env })
      return JSON.parse(stdout)
    },
  }
}

/** Answers the end of it. */
async function startServer(directory: string, ...lastWords: readonly string[]): Promise<{ ended: Promise<unknown> }> {
  const code = `
import runpy, sys
sys.path[0] = sys.argv[1]
import stage_server
directory = sys.argv[2]
stage_server.address, stage_server.groups = directory + '/socket', directory + '/groups'
stage_server.read_group = lambda process: '/system.slice'
stage_server.main(directory + '/cloud-init', *sys.argv[3:])
`
  const server = spawn('python3', ['-c', code, program, directory, ...lastWords], { stdio: 'inherit' })
  const ended = once(server, 'exit')
  onTestFinished(async () => {
    server.kill()
    await ended
  })
  await until(async () => (await readdir(directory)).includes('socket'))
  return { ended }
}

test('a stage is a process of the server, with the words, surroundings, streams and group of whoever asks', async () => {
  const { directory, stage } = await makeStages()
  await startServer(directory)
  for (const words of [
    ['init', '--local'],
    ['modules', '--mode=final'],
  ]) {
    const [heard, setting, isLoaded, pid, isLeader] = (await stage(...words)) as [
      string[],
      string,
      boolean,
      number,
      boolean,
    ]
    expect([heard, setting, isLoaded, isLeader]).toEqual([words, 'of a unit', true, true])
    expect(await readFile(join(directory, 'groups/system.slice/cgroup.procs'), 'utf8')).toBe(String(pid))
  }
})

test('a stage ends as its process does', async () => {
  const { directory } = await makeStages()
  await startServer(directory)
  const run = async (word: string, CODE: string) => {
    const child = spawn(join(directory, 'stage'), [join(directory, 'cloud-init'), word], {
      env: { ...process.env, CODE },
      stdio: 'ignore',
    })
    return (await once(child, 'exit'))[0] as number
  }
  expect([await run('init', '0'), await run('init', '3'), await run('kill', '0'), await run('init', '0')]).toEqual([
    ...[0, 3, 137, 0],
  ])
})

test('a stage that nobody takes over is the program itself', async () => {
  const { stage } = await makeStages()
  const [heard, setting, isLoaded] = (await stage('init')) as [string[], string, boolean]
  expect([heard, setting, isLoaded]).toEqual([['init'], 'of a unit', false])
})

test('the server ends after the last stage, and what waits for it to be loaded is no stage', async () => {
  const { directory, stage } = await makeStages()
  const { ended } = await startServer(directory, 'modules', '--mode=final')
  const code = `
import sys
sys.path.insert(0, sys.argv[1])
import stages
stages.address = sys.argv[2]
stages.wait_until_loaded()
`
  await execute('python3', ['-c', code, program, join(directory, 'socket')])
  const isLoaded = async (...words: string[]) => ((await stage(...words)) as unknown[])[2]
  expect([await isLoaded('modules', '--mode=config'), await isLoaded('modules', '--mode=final')]).toEqual([true, true])
  await ended
  expect(await isLoaded('init')).toBe(false)
})
