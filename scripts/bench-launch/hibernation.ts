import { type Figure, median } from '../bench/figure.ts'
import { openLaunchLab } from './launch-lab.ts'
import { formatSeconds } from './warmth.ts'

const times = 5
const limitSeconds = 5
/** With a memory of one GiB, and most of it filled with what cannot be left out. */
const type = 't3.micro'
const fillMib = 800

/** A server's memory kept, and gone on with. */
export async function measureHibernation(): Promise<Figure[]> {
  const { lab, servers, launch } = await openLaunchLab('nano')
  try {
    const { id } = await launch(type)
    await servers.waitForStage(id, 'cloud-init')
    await servers.run(
      id,
      `sudo mkdir /filled && sudo mount -t tmpfs -o size=${fillMib + 50}m tmpfs /filled && sudo dd if=/dev/urandom of=/filled/bytes bs=1M count=${fillMib} 2>/dev/null`,
    )
    const [kept, resumed]: [number[], number[]] = [[], []]
    for (let time = 0; time < times; time++) {
      const began = performance.now()
      await lab.call('KilnSuspendInstances', { InstanceIds: [id] })
      await servers.waitForState(id, 'stopped')
      const stopped = performance.now()
      await lab.call('StartInstances', { InstanceIds: [id] })
      await servers.waitForStage(id, 'ssh')
      kept.push((stopped - began) / 1000)
      resumed.push((performance.now() - stopped) / 1000)
    }
    const figure = (name: string, seconds: number): Figure => ({
      name: `${name} (median of ${times})`,
      value: formatSeconds(seconds),
      limit: `≤ ${limitSeconds} s`,
      isKept: seconds <= limitSeconds,
      reference: `${fillMib} MiB of it are random`,
    })
    return [
      figure('a server with 1 GiB is suspended', median(kept)),
      figure('it is resumed, to its SSH banner', median(resumed)),
    ]
  } finally {
    await lab.close()
  }
}
