import { join } from 'node:path'
import { execa } from 'execa'
import { type Figure, formatMs, median, milliseconds } from '../bench/figure.ts'
import { imageStateOf } from './image-state.ts'
import { layersOf, type StorageLab } from './storage-lab.ts'

const rounds = 3
const writtenMib = 2048
const watchedSeconds = 6

/** Not zeros, which would take no space; by LuaJIT, for random bytes take an emulated processor long. */
const filler = `local file = io.open("/large", "r+") or io.open("/large", "w")
local block = string.rep("kiln", 262144)
for _ = 1, ${writtenMib} do file:write(block) end
file:close()`

/**
 * Writes 4 KiB after the other, each of them through to the disk, and tells the longest time between two that were done, in ms. LuaJIT,
 * because a shell would start a program for each.
 */
const writer = `
local ffi = require 'ffi'
ffi.cdef[[
typedef struct { long seconds; long nanoseconds; } moment;
int clock_gettime(int, moment *); int open(const char *, int, int); long pwrite(int, const void *, unsigned long, long);
]]
local at = ffi.new 'moment'
local function now() ffi.C.clock_gettime(1, at); return tonumber(at.seconds) * 1000 + tonumber(at.nanoseconds) / 1e6 end
local file = ffi.C.open('/written-all-the-time', 0x101042, 420)
local block = ffi.new('char[4096]', string.rep('kiln', 1024))
local last, longest, count, began = now(), 0, 0, now()
while last - began < tonumber(arg[1]) * 1000 do
  ffi.C.pwrite(file, block, 4096, (count % 256) * 4096)
  count = count + 1
  local present = now()
  longest = math.max(longest, present - last)
  last = present
end
print(longest, count)
`

/** CreateImage of a server that runs and writes, with what it has written since its last image on the disk. */
export async function measureLiveImage(storage: StorageLab): Promise<Figure[]> {
  const { lab, servers } = storage
  const id = await storage.launchNano(8)
  await servers.run(id, `cat >/tmp/writer.lua <<'END'\n${writer}\nEND`)
  const created: number[] = []
  const stalls: number[] = []
  const stallsAlone: number[] = []
  const converted: number[] = []
  for (let round = 0; round < rounds; round++) {
    await servers.run(id, `sudo luajit -e '${filler}'; sudo sync`)
    stallsAlone.push(await watchWriter(storage, id, async () => undefined))
    let imageId = ''
    stalls.push(
      await watchWriter(storage, id, async () => {
        const began = performance.now()
        const image = await lab.call('CreateImage', { InstanceId: id, Name: `live-${round}`, NoReboot: true })
        imageId = image.ImageId ?? ''
        await storage.promptly(async () => (await imageStateOf(lab, imageId)) === 'available')
        created.push(performance.now() - began)
      }),
    )
    const [layer = ''] = await layersOf(lab, imageId)
    const began = performance.now()
    const copy = join(lab.home, 'copy.qcow2')
    await execa('qemu-img', ['convert', '-U', '-f', 'qcow2', '-O', 'qcow2', layer, copy])
    converted.push(performance.now() - began)
  }
  await storage.terminate([id])
  return [
    milliseconds(
      `CreateImage of a running server with 2 GiB written → available (median of ${rounds})`,
      median(created),
      250,
      `\`qemu-img convert\` of that disk ${formatMs(median(converted))} ms`,
    ),
    milliseconds(
      `the longest stall that a writer in the server sees meanwhile (median of ${rounds})`,
      median(stalls),
      100,
      `the same writer with nothing else going on ${formatMs(median(stallsAlone))} ms`,
    ),
  ]
}

/** Does `work` in the midst of the writer's writing; answers the longest stall in ms. */
async function watchWriter({ follow }: StorageLab, id: string, work: () => Promise<void>): Promise<number> {
  const lines = await follow(id, `sudo luajit /tmp/writer.lua ${watchedSeconds}`)
  const told = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error('the writer told nothing')))
  })
  await new Promise((resolve) => setTimeout(resolve, (watchedSeconds * 1000) / 3))
  await work()
  return Number((await told).split('\t')[0])
}
