import { expect, test } from 'vitest'
import type { Command, ProcessHost } from '../../../src/host/process.ts'
import { chooseEmulation } from '../../../src/machine/emulated-guest.ts'

function hostWith(version: string): { processes: ProcessHost; asked: string[] } {
  const asked: string[] = []
  const never = () => {
    throw new Error('nothing else is started')
  }
  const run = async ({ argv }: Command) => {
    asked.push(argv.join(' '))
    return { stdout: `QEMU emulator version ${version}\nCopyright (c) …\n`, stderr: '' }
  }
  return { processes: { run, startDetached: never, startHelper: never }, asked }
}

test.each([
  ['7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', 'single', ['kernel.randomize_va_space=0']],
  ['8.1.5 (Fedora 39)', 'single', ['kernel.randomize_va_space=0']],
  ['8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)', 'multi', ['kernel.randomize_va_space=0']],
  ['10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)', 'multi', []],
])(
  'QEMU %s has processors in as many threads as it bears, and programs where it translates them once',
  async (version, thread, guestSettings) => {
    const { processes, asked } = hostWith(version)
    expect(await chooseEmulation(processes, 'arm64')).toEqual({ thread, guestSettings })
    expect(asked).toEqual(['qemu-system-aarch64 --version'])
  },
)
