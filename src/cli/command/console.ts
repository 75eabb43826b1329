import type { Duplex } from 'node:stream'
import type { Command } from 'commander'
import { addExamples } from '../help.ts'
import { stripTerminalControls } from '../render/text.ts'
import { requireRunning, resolveInstance } from '../resolve/instance.ts'
import { clientOf, note, type Session, writeOut } from '../session.ts'

/** Ctrl-], as telnet and virsh have it. */
const escapeKey = 0x1d

/** `kiln console` */
export function defineConsole(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .option('-f, --follow', 'use the console: see what it prints, type; Ctrl-] leaves it')
    .action(async (name: string, { follow }: { follow?: boolean }) => {
      const client = clientOf(session)
      const instance = await resolveInstance(client, name)
      const { InstanceId = '' } = instance
      if (!follow) {
        const { Output = '' } = await client.call('GetConsoleOutput', { InstanceId })
        const text = Buffer.from(Output, 'base64').toString('utf8')
        return writeOut(session, session.stdout.isTTY ? stripTerminalControls(text) : text)
      }
      requireRunning(instance, name)
      await attach(session, await client.openConsole(InstanceId), name)
    })
  addExamples(
    command,
    'kiln console web        # the last 64 KiB, as GetConsoleOutput',
    'kiln console web -f     # log in',
  )
}

/** Several may use a console at once: all see everything. The terminal is raw, so that Ctrl-C and the like reach the guest. */
async function attach(session: Session, stream: Duplex, name: string): Promise<void> {
  const { stdin, signal } = session
  let hasLeft = false
  const leave = () => {
    hasLeft = true
    stream.destroy()
  }
  const onInput = (chunk: Buffer) => {
    const end = stdin.isTTY ? chunk.indexOf(escapeKey) : -1
    if (end >= 0) return leave()
    if (stream.write(chunk)) return
    stdin.pause()
    stream.once('drain', () => stdin.resume())
  }
  if (stdin.isTTY) {
    note(session, `Connected to the console of ${name}. Ctrl-] leaves it.`)
    stdin.setRawMode(true)
  }
  stdin.on('data', onInput)
  signal.addEventListener('abort', leave, { once: true })
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) await writeOut(session, chunk)
  } catch (error) {
    if (!hasLeft) throw error
  } finally {
    signal.removeEventListener('abort', leave)
    stdin.off('data', onInput)
    stdin.pause()
    if (stdin.isTTY) stdin.setRawMode(false)
  }
  session.stderr.write('\n')
  note(session, hasLeft ? 'Left the console.' : `The machine of ${name} has ended.`)
}
