import { expect, test } from 'vitest'
import { createClient } from '../../../src/cli/client.ts'
import { provideFakeDaemon, runAgainst } from './run-against.ts'

function instance(id: string, name: string, state = 'running') {
  return { InstanceId: id, State: { Name: state }, InstanceType: 't3.micro', Tags: [{ Key: 'Name', Value: name }] }
}

const first = instance('i-00000000000000001', 'web')
const second = instance('i-00000000000000002', 'web')
const gone = instance('i-00000000000000003', 'web', 'terminated')
const listing = (...Instances: unknown[]) => ({
  DescribeInstances: () => ({ Reservations: [{ Instances }] }),
  DescribeImages: () => ({ Images: [{ ImageId: 'ami-1', Name: 'nano' }] }),
})

test('says how to start a daemon that does not run', async () => {
  expect(await runAgainst(undefined, ['ls'])).toMatchObject({
    code: 3,
    err: 'kiln: The Kiln daemon is not running.\n      Start it with: kiln daemon start\n',
  })
})

test('ends with 2 on an unknown option', async () => {
  expect((await runAgainst(undefined, ['ls', '--colour'])).code).toBe(2)
})

test('lists instances without the terminated ones', async () => {
  const { code, out } = await runAgainst(listing(first, gone), ['ls'])
  expect(code).toBe(0)
  expect(out).toMatchInlineSnapshot(`
    "NAME  ID                   STATE    TYPE      IMAGE  PUBLIC IP  PRIVATE IP  AGE
    web   i-00000000000000001  running  t3.micro  -      -          -           -
    "
  `)
})

test('sends the region that was asked for', async () => {
  const { calls } = await runAgainst(listing(), ['ls', '--region', 'eu-west-1'])
  expect(calls.map((call) => call.region)).toEqual(['eu-west-1'])
})

test('finds the live instance of a name', async () => {
  const answers = { ...listing(first, gone), RebootInstances: () => ({}) }
  const { code, calls } = await runAgainst(answers, ['reboot', 'web'])
  expect(code).toBe(0)
  expect(calls.at(-1)?.input).toEqual({ InstanceIds: [first.InstanceId] })
})

test('lists the candidates of an ambiguous name', async () => {
  const { code, err } = await runAgainst(listing(first, second), ['stop', 'web'])
  expect(code).toBe(5)
  expect(err).toContain('i-00000000000000001 (running), i-00000000000000002 (running)')
})

const waysToGet = {
  DescribeImages: () => ({}),
  KilnDescribeRecipes: () => ({ Recipes: [{ Name: 'nano' }, { Name: 'debian-12' }] }),
  KilnDescribeCatalog: () => ({ Entries: [{ Name: 'ubuntu-24.04' }, { Name: 'debian-12' }] }),
}

test.each([
  ['nano', 'Build it with: kiln image build nano'],
  ['ubuntu-24.04', 'Pull it with: kiln image pull ubuntu-24.04'],
  [
    'debian-12',
    "Build it from packages with: kiln image build debian-12; or download its publisher's own with: kiln image pull debian-12",
  ],
  ['plan9', 'See what there is: kiln image ls, kiln image recipes, kiln image catalog'],
])('says how to get the image %s that is not there', async (name, hint) => {
  const { code, err } = await runAgainst(waysToGet, ['run', name])
  expect(code).toBe(4)
  expect(err).toBe(`kiln: There is no image ${name}.\n      ${hint}\n`)
})

test('terminates everything only when told twice', async () => {
  const { code, calls } = await runAgainst(listing(first), ['rm', '--all'])
  expect(code).toBe(2)
  expect(calls.map((call) => call.operation)).not.toContain('TerminateInstances')
})

test('leads ssh through the socket and passes on its exit code', async () => {
  const answers = { ...listing(first), KilnDescribeInstance: () => ({ LoginUser: 'ec2-user' }) }
  const { code, started, paths } = await runAgainst(answers, ['ssh', 'web', '--', 'uname', '-a'])
  expect(code).toBe(7)
  expect(started).toEqual([
    [
      'ssh',
      '-l',
      'ec2-user',
      '-o',
      `ProxyCommand=env KILN_HOME=${paths?.root} node 'kiln main.js' dial %h %p`,
      '-o',
      `UserKnownHostsFile="${paths?.knownHosts}/%h"`,
      '-o',
      'StrictHostKeyChecking=accept-new',
      '-o',
      'LogLevel=ERROR',
      '--',
      'i-00000000000000001',
      'uname',
      '-a',
    ],
  ])
})

test('takes options of the command that ssh runs for its own', async () => {
  const answers = { ...listing(first), KilnDescribeInstance: () => ({ LoginUser: 'ec2-user' }) }
  const { started } = await runAgainst(answers, ['ssh', '-l', 'root', 'web', 'ls', '-l', '--all'])
  expect(started[0]?.slice(0, 3)).toEqual(['ssh', '-l', 'root'])
  expect(started[0]?.slice(-4)).toEqual(['i-00000000000000001', 'ls', '-l', '--all'])
  const misplaced = await runAgainst(answers, ['ssh', 'web', '-l', 'root'])
  expect(misplaced).toMatchObject({ code: 2, started: [] })
  expect(misplaced.err).toContain('kiln ssh -l root web')
})

test('dials through an upgraded connection, keeping what came with the answer', async () => {
  const daemon = await provideFakeDaemon({})
  const stream = await createClient({ socketPath: daemon.paths.socket }).dial('i-1', 22)
  stream.end('world')
  let text = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString()
  expect(text).toBe('hello world')
})

test('rejects with the daemon error when a stream is refused', async () => {
  const daemon = await provideFakeDaemon({})
  const dialed = createClient({ socketPath: daemon.paths.socket }).dial('i-1', 9)
  await expect(dialed).rejects.toMatchObject({ name: 'OperationError', code: 'Refused' })
})
