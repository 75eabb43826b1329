import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import type { QmpLink } from '../../../src/machine/qmp-link.ts'
import { withQuietGuest } from '../../../src/machine/quiet-guest.ts'

/** A guest whose agent answers; `said` is what happened, in its order. */
async function openGuest({ hasAgent = true, refuses = '' } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-agent-'))
  const path = join(directory, 'agent.sock')
  const said: string[] = []
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const { execute, arguments: parameters } = JSON.parse(line) as { execute: string; arguments?: { id: number } }
      if (execute !== 'guest-sync') said.push(execute)
      const answer = execute === refuses ? { error: { desc: 'no' } } : { return: parameters?.id ?? 1 }
      socket.write(`${JSON.stringify(answer)}\n`)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })
  const link = {
    execute: () => Promise.resolve([{ label: 'agent', 'frontend-open': hasAgent }]),
  } as Partial<QmpLink> as QmpLink
  const quiet = (work: () => Promise<void> = () => Promise.resolve()) =>
    withQuietGuest(link, path, async () => {
      said.push('work')
      await work()
    })
  return { said, quiet }
}

test('the file systems are frozen around the work', async () => {
  const { said, quiet } = await openGuest()
  await quiet()
  expect(said).toEqual(['guest-fsfreeze-freeze', 'work', 'guest-fsfreeze-thaw'])
})

test('they are thawed when the work fails', async () => {
  const { said, quiet } = await openGuest()
  await expect(quiet(() => Promise.reject(new Error('no overlay')))).rejects.toThrow('no overlay')
  expect(said.at(-1)).toBe('guest-fsfreeze-thaw')
})

test('a guest whose file systems cannot be frozen, or that has no agent, does not keep the work from being done', async () => {
  const refusing = await openGuest({ refuses: 'guest-fsfreeze-freeze' })
  await refusing.quiet()
  expect(refusing.said).toEqual(['guest-fsfreeze-freeze', 'work', 'guest-fsfreeze-thaw'])
  const without = await openGuest({ hasAgent: false })
  await without.quiet()
  expect(without.said).toEqual(['work'])
})
