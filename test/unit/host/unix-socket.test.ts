import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, expect, test } from 'vitest'
import { isSocketListening } from '../../../src/host/unix-socket.ts'

const program = `
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
print('bound', flush=True)
sys.stdin.readline()
server.listen()
print('listening', flush=True)
sys.stdin.readline()
`

test('a socket is listening from listen on, not from when its file is there, until its process ends', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kiln socket-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'one.sock')
  const server = spawn('python3', ['-c', program, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const pid = server.pid ?? 0
  await once(server.stdout, 'data')
  expect(await isSocketListening(pid, path)).toBe(false)
  server.stdin.write('\n')
  await once(server.stdout, 'data')
  expect(await isSocketListening(pid, path)).toBe(true)
  expect(await isSocketListening(pid, join(directory, 'other.sock'))).toBe(false)
  server.stdin.write('\n')
  await once(server, 'exit')
  expect(await isSocketListening(pid, path)).toBe(false)
})
