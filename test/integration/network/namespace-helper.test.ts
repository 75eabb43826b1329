import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { ownProgramArguments } from '../../../src/host/installation.ts'

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
