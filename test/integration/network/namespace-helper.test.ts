import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { ownProgramArguments } from '../../../src/host/installation.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { createNamespaceBroker, HelperEnded } from '../../../src/network/namespace-broker.ts'

test('the helper ends with its daemon although sockets wait to be handed over', async () => {
  const program = ownProgramArguments('network/namespace-helper')
  const helper = spawn(process.execPath, program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  for (const [id, kind] of ['udp', 'listen', 'udp', 'listen'].entries()) {
    helper.send({ id, kind, host: '127.0.0.1', port: 0 })
  }
  await once(helper, 'message')
  helper.disconnect()
  const [code] = (await once(helper, 'exit')) as [number]
  expect(code).toBe(0)
})

const timeoutMs = 60_000

/** A helper that is here, and not in a namespace. */
async function startHelper() {
  const broker = createNamespaceBroker(createProcessHost(), [])
  onTestFinished(() => broker.close())
  expect(await broker.run(['true'], '', timeoutMs)).toBeUndefined()
  const socket = await broker.bindUdp('127.0.0.1')
  socket.close()
  return broker
}

test('the helper runs programs, and tells how they have ended', async () => {
  const broker = await startHelper()
  expect(await broker.run(['tr', 'a-z', 'A-Z'], 'said', timeoutMs)).toEqual({ exitCode: 0, stdout: 'SAID', stderr: '' })
  expect(await broker.run(['sh', '-c', 'echo why >&2; exit 3'], '', timeoutMs)).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'why\n',
  })
  expect(await broker.run(['sh', '-c', 'kill -9 $$'], '', timeoutMs)).not.toHaveProperty('exitCode')
  expect(await broker.run(['/nonexistent/program'], '', timeoutMs)).toMatchObject({
    stderr: expect.stringContaining('ENOENT') as unknown,
  })
  expect(await broker.run(['sleep', '60'], '', 100)).not.toHaveProperty('exitCode')
  // It reads nothing of what it is given.
  expect(await broker.run(['true'], 'x'.repeat(1_000_000), timeoutMs)).toMatchObject({ exitCode: 0 })
})

test('whoever waits for a program hears of it when the helper dies', async () => {
  const broker = await startHelper()
  const run = broker.run(['sh', '-c', 'kill -9 $PPID; sleep 0.1'], '', timeoutMs)
  await expect(run).rejects.toBeInstanceOf(HelperEnded)
  expect(await broker.run(['true'], '', timeoutMs)).toBeUndefined()
})
