import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from 'jpeg-js'
import { findTail, followFile } from '../../host/follow-file.ts'
import { machineFile } from '../../host/state-paths.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import type { Scope } from '../ports/store.ts'

/** EC2 keeps the last 64 KiB ("GetConsoleOutput"). */
const consoleBytes = 64 * 1024
const jpegQuality = 80

/** The last 64 KiB of the serial console, of a stopped instance too. */
export function getConsoleOutput({ store, paths, clock }: Domain): Ec2Query<'GetConsoleOutput'> {
  return {
    kind: 'query',
    parameters: ['InstanceId', 'Latest'],
    answer: async (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const { output, writtenAt } = await readTail(join(paths.machines, instance.id, machineFile.consoleLog))
      return { InstanceId: instance.id, Timestamp: writtenAt ?? clock.now(), Output: output.toString('base64') }
    },
  }
}

/** What the serial console has printed, from the first byte or the last `lines` lines; goes on until `until` is aborted. */
export async function openConsoleLog(
  { store, paths }: Domain,
  scope: Scope,
  instanceId: string,
  options: { lines?: number | undefined; until?: AbortSignal | undefined },
): Promise<AsyncIterable<Buffer>> {
  const instance = findOne('i', instanceId, (id) => store.instances.get(scope, id))
  const path = join(paths.machines, instance.id, machineFile.consoleLog)
  const from = options.lines === undefined ? 0 : await findTail(path, options.lines)
  return followFile(path, { from, until: options.until })
}

/** `writtenAt`: when something was printed last. */
async function readTail(path: string): Promise<{ output: Buffer; writtenAt?: Date }> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return { output: Buffer.alloc(0) }
  try {
    const { size, mtime } = await file.stat()
    const buffer = Buffer.alloc(Math.min(size, consoleBytes))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length)
    return { output: buffer.subarray(0, bytesRead), writtenAt: mtime }
  } finally {
    await file.close()
  }
}

/** The screen as a JPEG. */
export function getConsoleScreenshot({ store, instances }: Domain): Ec2Query<'GetConsoleScreenshot'> {
  return {
    kind: 'query',
    parameters: ['InstanceId', 'WakeUp'],
    answer: async (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const machine = instances.runtimeOf(instance.id)?.machine
      if (!machine) {
        throw new Ec2Error('IncorrectInstanceState', `The instance '${instance.id}' is not in the 'running' state.`)
      }
      return { InstanceId: instance.id, ImageData: jpegOf(await machine.screenDump()).toString('base64') }
    },
  }
}

/** A JPEG of a binary PPM (`P6 WIDTH HEIGHT 255` and three bytes a pixel), which is what QEMU writes. */
function jpegOf(ppm: Buffer): Buffer {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(ppm.toString('latin1', 0, 64))
  if (!header) throw new Error('QEMU wrote no PPM image')
  const width = Number(header[1])
  const height = Number(header[2])
  const pixels = ppm.subarray(header[0].length)
  const data = Buffer.alloc(width * height * 4, 0xff)
  for (let index = 0; index < width * height; index++) pixels.copy(data, index * 4, index * 3, index * 3 + 3)
  return encode({ data, width, height }, jpegQuality).data
}
