import type { Command } from 'commander'
import { stripTerminalControls } from '../render/text.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { clientOf, note, type Session } from '../session.ts'

const escapeKey = 0x1d

/** `kiln console` */
export function defineConsole(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .option('-f, --follow', 'use the console; Ctrl-] leaves it')
    .action(async (name: string, { follow }: { follow?: boolean }) => {
      const client = clientOf(session)
      const { InstanceId = '' } = await resolveInstance(client, name)
      if (follow) return attach(session, InstanceId)
      const { Output = '' } = await client.call('GetConsoleOutput', { InstanceId })
      const text = Buffer.from(Output, 'base64').toString('utf8')
      session.stdout.write(session.stdout.isTTY ? stripTerminalControls(text) : text)
    })
}

async function attach(session: Session, instanceId: string): Promise<void> {
  const { stdin, stdout, signal } = session
  const stream = await clientOf(session).openConsole(instanceId)
  const leave = () => stream.destroy()
  const onInput = (chunk: Buffer) => {
    const end = stdin.isTTY ? chunk.indexOf(escapeKey) : -1
    if (end < 0) stream.write(chunk)
    else leave()
  }
  if (stdin.isTTY) {
    note(session, 'Connected. Ctrl-] leaves the console.')
    stdin.setRawMode(true)
  }
  stdin.on('data', onInput)
  signal.addEventListener('abort', leave, { once: true })
  try {
    await new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => void stdout.write(chunk))
      stream.on('error', () => resolve())
      stream.on('close', resolve)
    })
  } finally {
    signal.removeEventListener('abort', leave)
    stdin.off('data', onInput)
    stdin.pause()
    if (stdin.isTTY) stdin.setRawMode(false)
  }
}
