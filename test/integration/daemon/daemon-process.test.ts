import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, describe, expect, test } from 'vitest'
import { ordinaryUser, until } from '../../e2e/lab.ts'
import { type Home, openHome } from './home.ts'

/** What `kiln daemon status` tells, as far as it is looked at here. */
interface Status {
  readonly Pid: number
  readonly Health: string
  readonly EndpointUrl: string
  readonly PublicCidr: string
}

const homes: Home[] = []
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()))
})

async function open(user?: string): Promise<Home> {
  const home = await openHome(user)
  homes.push(home)
  return home
}

async function statusOf(home: Home): Promise<Status> {
  const { stdout } = await home.kiln('daemon', 'status', '--output', 'json')
  return JSON.parse(stdout) as Status
}

/** The daemon is up and says so to whoever asks for its health. */
async function isUp(home: Home): Promise<boolean> {
  return (await home.kiln('daemon', 'status')).exitCode === 0
}

// Root's and an ordinary user's at once, where the tests run as root.
const otherUser = process.getuid?.() === 0 ? ordinaryUser : undefined

describe('two daemons of different state directories', () => {
  test('live side by side on ports and public blocks of their own, as their environments tell', async () => {
    const [first, second] = [await open(), await open(otherUser)]
    const starts = await Promise.all([first.kiln('daemon', 'start'), second.kiln('daemon', 'start')])
    expect(starts.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ])
    const [one, two] = [await statusOf(first), await statusOf(second)]
    expect(one.Health).toBe('ok')
    expect(two.EndpointUrl).not.toBe(one.EndpointUrl)
    expect(two.PublicCidr).not.toBe(one.PublicCidr)
    for (const [home, status] of [
      [first, one],
      [second, two],
    ] as const) {
      const { stdout } = await home.kiln('env')
      expect(stdout).toContain(`export AWS_ENDPOINT_URL=${status.EndpointUrl}\n`)
      expect((await fetch(status.EndpointUrl)).status).toBeGreaterThanOrEqual(400)
    }
  })

  test('give up a block that was taken meanwhile, and say who has it', async () => {
    const [away, taker] = [await open(), await open(otherUser)]
    await away.kiln('daemon', 'start')
    const { PublicCidr: block } = await statusOf(away)
    await away.kiln('daemon', 'stop')
    await writeFile(join(taker.path, 'config.yaml'), `network:\n  publicCidr: ${block}\n`, { mode: 0o644 })
    await taker.kiln('daemon', 'start')
    expect((await statusOf(taker)).PublicCidr).toBe(block)
    await away.kiln('daemon', 'start')
    expect((await statusOf(away)).PublicCidr).not.toBe(block)
    const log = await readFile(join(away.path, 'kilnd.log'), 'utf8')
    expect(log).toContain(`"holder":"${taker.path}"`)
  })
})

describe('one state directory', () => {
  test('has one daemon when two are started at the same moment, and both starts succeed', async () => {
    const home = await open()
    const starts = await Promise.all([home.kiln('daemon', 'start'), home.kiln('daemon', 'start')])
    expect(starts.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    const pids = starts.map(({ stdout }) => /pid (\d+)/.exec(stdout)?.[1])
    expect(pids[0]).toBeDefined()
    expect(pids[1]).toBe(pids[0])
  })

  test('refuses a second daemon and leaves the first alone', async () => {
    const home = await open()
    await home.kiln('daemon', 'start')
    const { Pid: pid } = await statusOf(home)
    const [program, ...args] = home.argv('daemon/main')
    const second = await execa(program, args, { reject: false })
    expect(second.exitCode).toBe(10)
    expect(second.stderr).toBe(`kilnd: another daemon is running with the state directory ${home.path}`)
    expect((await statusOf(home)).Pid).toBe(pid)
  })

  test('is free again as soon as its daemon was killed', async () => {
    const home = await open(otherUser)
    await home.kiln('daemon', 'start')
    const { Pid: killed } = await statusOf(home)
    process.kill(killed, 'SIGKILL')
    const { exitCode } = await home.kiln('daemon', 'restart')
    expect(exitCode).toBe(0)
    expect((await statusOf(home)).Pid).not.toBe(killed)
  })

  test('that belongs to another user is refused, and nothing is written there', async () => {
    // /usr belongs to root; where root runs the tests, the ordinary user's home is not root's.
    const path = otherUser ? `/home/${otherUser}` : '/usr'
    const before = await readdir(path)
    const { stdout, stderr, exitCode } = await execa(
      process.execPath,
      [join(import.meta.dirname, '../../../dist/cli/main.js'), 'daemon', 'start'],
      { env: { KILN_HOME: path }, reject: false },
    )
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^kiln: \/\S+ belongs to the user with id \d+, not to you/)
    expect(await readdir(path)).toEqual(before)
  })
})

test('in the foreground the process itself is the daemon, and SIGTERM ends it cleanly', async () => {
  const home = await open()
  const [program, ...args] = home.argv('cli/main', 'daemon', 'start', '--foreground')
  const daemon = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(daemon, 'exit')
  let printed = ''
  daemon.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  await until(() => isUp(home))
  expect((await statusOf(home)).Pid).toBe(daemon.pid)
  daemon.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  for (const line of printed.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
  expect(await readdir(home.path)).not.toContain('daemon.json')
  expect((await home.kiln('daemon', 'status')).exitCode).toBe(3)
})

test('a daemon that does not start tells every mistake of its configuration', async () => {
  const home = await open()
  const path = join(home.path, 'config.yaml')
  await writeFile(path, 'capacity:\n  memoryOvercomit: 2\nlog: {level: loud}\n')
  const { exitCode, stderr } = await home.kiln('daemon', 'start')
  expect(exitCode).toBe(1)
  expect(stderr).toContain(
    `${path}:2:3: capacity.memoryOvercomit: there is no such key; did you mean memoryOvercommit?`,
  )
  expect(stderr).toContain(`${path}:3:14: log.level: `)
  expect(stderr).not.toMatch(/^ +at /m)
  const doctor = await home.kiln('doctor', '--output', 'json')
  expect(doctor.exitCode).toBe(1)
  const { Checks: checks } = JSON.parse(doctor.stdout) as { Checks: { Name: string; Status: string }[] }
  expect(checks.filter(({ Status }) => Status === 'problem').map(({ Name }) => Name)).toEqual(['Configuration'])
})

test('a restart with a wrong configuration leaves the daemon that runs alone', async () => {
  const home = await open()
  expect((await home.kiln('daemon', 'start')).exitCode).toBe(0)
  const pidOf = async () =>
    (JSON.parse((await home.kiln('daemon', 'status', '--output', 'json')).stdout) as { Pid: number }).Pid
  const pid = await pidOf()
  const path = join(home.path, 'config.yaml')
  await writeFile(path, 'log: {level: loud}\n')
  const { exitCode, stderr } = await home.kiln('daemon', 'restart')
  expect(exitCode).toBe(1)
  expect(stderr).toContain(`${path}:1:14: log.level: `)
  expect(await pidOf()).toBe(pid)
  await writeFile(path, 'log: {level: debug}\n')
  expect((await home.kiln('daemon', 'restart')).exitCode).toBe(0)
  expect(await pidOf()).not.toBe(pid)
})
