import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ec2Error } from '../../ec2/errors.ts'
import type { ProcessHost } from '../../host/process.ts'
import type { BuildArchitecture } from './build-architecture.ts'

const formats = '/proc/sys/fs/binfmt_misc'
const toolTimeoutMs = 10_000

/** Header fields of an ELF file: class, byte order, kind and machine (QEMU, scripts/qemu-binfmt-conf.sh), and code that ends with 0. */
const programs = {
  arm64: {
    interpreter: 'qemu-aarch64',
    magic: '7f454c460201010000000000000000000200b700',
    mask: 'ffffffffffffff00fffffffffffffffffeffffff',
    // mov x8, 93; mov x0, 0; svc 0
    exit: 'a80b80d2000080d2010000d4',
  },
  i386: {
    interpreter: 'qemu-i386',
    magic: '7f454c4601010100000000000000000002000300',
    mask: 'fffffffffffefe00fffffffffffffffffeffffff',
    // mov eax, 1; xor ebx, ebx; int 0x80
    exit: 'b80100000031dbcd80',
  },
} as const

type Foreign = keyof typeof programs

/**
 * Lets the namespaces of a build run an architecture's programs, by QEMU's user emulation where the kernel does not run them itself. A
 * user namespace has formats of its own since Linux 6.7, so that nothing of the host changes; before, and for root, those count that the
 * host has: Debian's packages qemu-user-static and binfmt-support register them. Throws BuildImpossible when nothing helps.
 */
export async function enableForeignPrograms(
  processes: ProcessHost,
  request: { architecture: BuildArchitecture; temporary: string; isRoot: boolean },
): Promise<void> {
  const { architecture, temporary, isRoot } = request
  const { dpkg } = architecture
  if (dpkg === 'amd64') {
    if (process.arch !== 'x64') throw cannotBuild(dpkg)
    return
  }
  const probe = join(temporary, `probe-${dpkg}`)
  await writeFile(probe, tinyProgram(dpkg), { mode: 0o755 })
  try {
    if (await canRun(processes, probe)) return
    if (!isRoot) await registerFormat(processes, dpkg)
    if (!(await canRun(processes, probe))) throw cannotBuild(dpkg)
  } finally {
    await rm(probe)
  }
}

async function registerFormat(processes: ProcessHost, dpkg: Foreign): Promise<void> {
  const { interpreter, magic, mask } = programs[dpkg]
  try {
    const argv = ['mount', '-t', 'binfmt_misc', 'kiln-formats', formats] as const
    await processes.run({ argv, timeoutMs: toolTimeoutMs })
    // F: the interpreter is opened now, and so found from inside the new system too.
    const format = `:${interpreter}:M::${escape(magic)}:${escape(mask)}:/usr/bin/${interpreter}-static:F`
    await writeFile(`${formats}/register`, format)
  } catch {
    throw cannotBuild(dpkg)
  }
}

async function canRun(processes: ProcessHost, path: string): Promise<boolean> {
  return await processes.run({ argv: [path], timeoutMs: toolTimeoutMs }).then(
    () => true,
    () => false,
  )
}

/** The smallest program of an architecture: an ELF header, one segment, and code that ends well. */
export function tinyProgram(dpkg: Foreign): Buffer {
  const { magic, exit } = programs[dpkg]
  const code = Buffer.from(exit, 'hex')
  const is64 = magic.startsWith('7f454c4602')
  const headerBytes = is64 ? 64 + 56 : 52 + 32
  const base = 0x10000
  const size = headerBytes + code.length
  const program = Buffer.alloc(headerBytes)
  program.write(magic, 'hex')
  program.writeUInt32LE(1, 20)
  const word = (value: number, offset: number) =>
    is64 ? program.writeBigUInt64LE(BigInt(value), offset) : program.writeUInt32LE(value, offset)
  // Entry point and program headers; then the sizes of both headers and their number.
  word(base + headerBytes, 24)
  word(is64 ? 64 : 52, is64 ? 32 : 28)
  const sizes = is64 ? 52 : 40
  for (const [index, value] of [is64 ? 64 : 52, is64 ? 56 : 32, 1].entries())
    program.writeUInt16LE(value, sizes + 2 * index)
  // One segment that is read and executed: the whole file.
  const segment = is64 ? 64 : 52
  program.writeUInt32LE(1, segment)
  program.writeUInt32LE(5, segment + (is64 ? 4 : 24))
  const step = is64 ? 8 : 4
  const fields = segment + (is64 ? 8 : 4)
  for (const [index, value] of [0, base, base, size, size].entries()) word(value, fields + step * index)
  word(0x1000, is64 ? segment + 48 : segment + 28)
  return Buffer.concat([program, code])
}

function escape(hex: string): string {
  return hex.replaceAll(/../g, (byte) => `\\x${byte}`)
}

function cannotBuild(dpkg: string): Ec2Error {
  return new Ec2Error(
    'BuildImpossible',
    `A Debian image for ${dpkg} cannot be built here: its programs cannot be run. To mend it: install the packages qemu-user-static ` +
      'and binfmt-support; or, with Linux 6.7 or later, qemu-user-static alone and build as an ordinary user.',
  )
}
