import { expect, test } from 'vitest'
import type { Command, ProcessHost } from '../../../src/host/process.ts'
import { settingsForEmulation } from '../../../src/machine/emulated-guest.ts'

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
  ['7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', ['kernel.randomize_va_space=0']],
  ['8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)', ['kernel.randomize_va_space=0']],
  ['10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)', []],
])('programs get fixed addresses where QEMU %s would translate them anew', async (version, settings) => {
  const { processes, asked } = hostWith(version)
  expect(await settingsForEmulation(processes, 'arm64')).toEqual(settings)
  expect(asked).toEqual(['qemu-system-aarch64 --version'])
})
