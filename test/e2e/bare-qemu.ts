import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Boots a disk as somebody does who has QEMU and nothing of Kiln's, without a network; resolves when its console shows the text. */
export async function waitForConsole(disk: { path: string; format: string }, text: string): Promise<void> {
  // What is written goes into a temporary file: a compressed VMDK takes nothing, and the disk stays as it was exported.
  const drive = `file=${disk.path},format=${disk.format},if=virtio,snapshot=on`
  const qemu = spawn('qemu-system-x86_64', ['-m', '512', '-nographic', '-nic', 'none', '-no-reboot', '-drive', drive], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(qemu, 'close')
  let printed = ''
  const shown = new Promise<void>((resolve) => {
    qemu.stdout.setEncoding('latin1').on('data', (part: string) => {
      printed += part
      if (printed.includes(text)) resolve()
    })
  })
  try {
    await Promise.race([
      shown,
      ended.then(() => {
        throw new Error(`QEMU ended before the console showed "${text}": ${printed.slice(-2000)}`)
      }),
    ])
  } finally {
    qemu.kill('SIGKILL')
    await ended
  }
}
