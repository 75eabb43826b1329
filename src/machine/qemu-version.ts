import { CommandError, type ProcessHost } from '../host/process.ts'

const timeoutMs = 20_000

/** What a program of QEMU says that it is: major, minor and, where there is one, micro. Undefined when it does not run. */
export async function readQemuVersion(processes: ProcessHost, program: string): Promise<number[] | undefined> {
  try {
    const { stdout } = await processes.run({ argv: [program, '--version'], timeoutMs })
    const match = /version (\d+)\.(\d+)(?:\.(\d+))?/.exec(stdout)
    return match?.slice(1).map((part) => Number(part ?? 0))
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}
