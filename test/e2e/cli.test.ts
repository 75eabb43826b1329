import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MeasuredUsage } from '../../src/cli/render/usage.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

let lab: Lab
let directory: string
const started: ChildProcess[] = []

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  await provideImage(lab, 'nano')
  directory = join(lab.home, 'files')
  await inDirectory('mkdir -p $0/d/e && echo up >$0/up && echo deep >$0/d/e/f')
})
afterAll(async () => {
  for (const child of started) child.kill()
  await lab.close()
})

/** Runs a shell line as the daemon's user. */
async function inDirectory(line: string): Promise<string> {
  const asUser = lab.kilnArgv.slice(0, lab.kilnArgv.indexOf('env'))
  const [program, ...rest] = [...asUser, 'sh', '-c', line, directory]
  return (await execa(program, rest)).stdout
}

async function kiln(...args: string[]): Promise<string> {
  const { stdout } = await execa(lab.kilnArgv[0], [...lab.kilnArgv.slice(1), ...args])
  return stdout
}

async function refusal(...args: string[]): Promise<{ code: number | undefined; err: string }> {
  const { exitCode, stderr } = await execa(lab.kilnArgv[0], [...lab.kilnArgv.slice(1), ...args], { reject: false })
  return { code: exitCode, err: stderr }
}

/** Starts kiln and collects what it prints; `onTerminal` gives it one of its own. */
function start(args: readonly string[], onTerminal = false) {
  const argv = [...lab.kilnArgv, ...args]
  const [program = '', ...rest] = onTerminal ? ['script', '-qefc', argv.join(' '), '/dev/null'] : argv
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  started.push(child)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const ended = once(child, 'exit')
  return { child, ended, text: () => text, shows: (part: string) => until(async () => text.includes(part)) }
}

test('launches a server and describes it with the seconds of its boot', async () => {
  const launched = JSON.parse(await kiln('run', 'nano', '--name', 'web', '--wait', 'ssh', '-o', 'json')) as {
    Instances: { InstanceId: string; State: { Name: string } }[]
  }
  expect(launched.Instances.map(({ State }) => State.Name)).toEqual(['running'])
  expect(await kiln('ls', '-q')).toBe(launched.Instances[0]?.InstanceId)
  const described = await kiln('describe', 'web')
  expect(described).toMatch(/State +running/)
  expect(described).toMatch(/ssh +\d+\.\d s/)
  expect(described).toMatch(/Accelerator +(tcg|kvm): /)
})

test('shows what a server takes of the host, and that it gives back what it frees', async () => {
  const look = async (...args: string[]) =>
    (JSON.parse(await kiln('top', '--interval', '1', '-o', 'json', ...args)) as MeasuredUsage).Instances
  const residentMib = async () => ((await look('web'))[0]?.ResidentBytes ?? 0) / 1024 ** 2
  await kiln('ssh', 'web', 'dd if=/dev/zero of=/tmp/ballast bs=1M count=200 2>/dev/null')
  const [web] = await look()
  const full = await residentMib()
  expect(full).toBeGreaterThan(200)
  expect(web).toMatchObject({ Name: 'web', InstanceType: 't3.micro', ProcessorShare: expect.any(Number) })
  for (const counter of ['ProportionalBytes', 'SharedBytes', 'DiskReadBytes', 'NetworkReceivedBytes'] as const)
    expect(web?.[counter]).toBeGreaterThan(0)
  expect(await kiln('top', '--once')).toMatch(/^INSTANCE .*\n(web .*)\n1 instance .*/)
  await kiln('access-key', 'create', '--account', '222222222222')
  expect(await look('--account', '222222222222')).toEqual([])
  await kiln('ssh', 'web', 'rm /tmp/ballast')
  await until(async () => (await residentMib()) < full - 150)
})

test('copies files and directories both ways', async () => {
  await kiln('cp', '-r', `${directory}/up`, `${directory}/d`, 'web:')
  expect(await kiln('ssh', 'web', 'cat', 'up', 'd/e/f')).toBe('up\ndeep')
  await kiln('cp', '-r', 'web:d', `${directory}/back`)
  expect(await inDirectory('cat $0/back/e/f')).toBe('deep')
  expect((await refusal('cp', 'web:absent', directory)).code).toBe(1)
})

test('lets plain ssh in by its settings file', async () => {
  await kiln('ssh-config', '--write')
  expect(await inDirectory(`ssh -F ${lab.home}/ssh_config web echo plain`)).toBe('plain')
})

test('carries connections of a tunnel', async () => {
  const tunnel = start(['tunnel', 'web', '0:22'])
  await tunnel.shows('\n')
  const socket = connect(Number(/:(\d+) ->/.exec(tunnel.text())?.[1]), '127.0.0.1')
  const [banner] = (await once(socket, 'data')) as [Buffer]
  expect(banner.toString()).toMatch(/^SSH-2\.0-/)
  socket.destroy()
})

test('shows the console to all who look, lets them type, and leaves by Ctrl-]', async () => {
  const first = start(['console', '-f', 'web'], true)
  const second = start(['console', '-f', 'web'], true)
  const log = start(['logs', '-f', 'web'])
  await Promise.all([first.shows('login: '), second.shows('login: '), log.shows('kiln: boot stage cloud-init')])
  first.child.stdin.write('whoever\r')
  await Promise.all([first.shows('whoever'), second.shows('whoever'), log.shows('whoever')])
  first.child.stdin.write('\u001d')
  await first.ended
  expect(first.text()).toContain('Left the console.')
  await kiln('ssh', 'web', "sudo sh -c 'echo still here >/dev/console'")
  await Promise.all([second.shows('still here'), log.shows('still here')])
  second.child.stdin.write('\u001d')
  await second.ended
  expect(await kiln('logs', 'web', '--tail', '1')).not.toContain('boot stage')
})

test('opens and closes ports by names of groups', async () => {
  await kiln('sg', 'allow', 'kiln-default', 'tcp', '8080', '--from', '0.0.0.0/0')
  expect(await kiln('describe', 'web')).toMatch(/Port 8080 +127\./)
  await kiln('sg', 'revoke', 'kiln-default', 'tcp', '8080', '--from', '0.0.0.0/0')
  expect(await kiln('describe', 'web')).not.toContain('8080')
})

test('makes an image of a server that goes on, and launches another one of that', async () => {
  await kiln('ssh', 'web', '--', 'echo baked >baked; sync')
  const bootId = () => kiln('ssh', 'web', '--', 'cat /proc/sys/kernel/random/boot_id')
  const before = await bootId()
  const imageId = await kiln('image', 'create', 'web', '--name', 'web-2', '--description', 'with a file')
  expect(imageId).toMatch(/^ami-[0-9a-f]{17}$/)
  expect(await bootId()).toBe(before)
  expect(await kiln('describe', 'web-2')).toMatch(/State +available[^]*with a file|with a file[^]*State +available/)
  await kiln('run', 'web-2', '--name', 'copy', '--wait', 'ssh')
  expect(await kiln('ssh', 'copy', '--', 'cat baked')).toBe('baked')
  await kiln('rm', 'copy', '--yes', '--wait')
  expect(await refusal('image', 'create', 'web', '--name', 'web-2')).toMatchObject({
    code: 1,
    err: expect.stringContaining('web-2'),
  })
  expect((await refusal('image', 'create', 'nobody', '--name', 'of-nobody')).code).toBe(4)
})

test('stops, starts and terminates while another looks on, and says what cannot be', async () => {
  const events = start(['events', 'web', '-f', '-o', 'json', '--tail', '1'])
  // Looking on since it shows what was before.
  await events.shows('}')
  const before = events.text().length
  await kiln('stop', 'web', '--wait')
  expect(await refusal('console', '-f', 'web')).toMatchObject({
    code: 1,
    err: expect.stringContaining('kiln start web'),
  })
  await kiln('start', '--all', '--wait', 'running')
  await kiln('reboot', 'web', '--wait', 'ssh')
  await kiln('rm', '--all', '--yes', '--wait')
  await events.shows('is terminated')
  const states = events
    .text()
    .slice(before)
    .match(/is (stopping|stopped|pending|running|shutting-down|terminated)"/g)
  expect(states?.map((text) => text.slice(3, -1))).toEqual([
    'stopping',
    'stopped',
    'pending',
    'running',
    'shutting-down',
    'terminated',
  ])
  expect((await refusal('describe', 'nobody')).code).toBe(4)
  expect((await refusal('logs', '--daemon')).err).toContain('journalctl')
})
