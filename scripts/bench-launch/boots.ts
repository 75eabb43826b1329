import { type Figure, median } from '../bench/figure.ts'
import type { LaunchLab } from './launch-lab.ts'
import { booted, formatSeconds } from './warmth.ts'

/** In the order in which a boot comes by them; those before `kernel` are the host's and the boot loader's. */
const steps = ['disk', 'qemu', 'kernel', 'network', 'metadata', 'ssh', 'cloud-init'] as const
type Step = (typeof steps)[number]

/** Servers that are booted one after the other, each until cloud-init is done. */
export interface Boots {
  /** From RunInstances to the banner of the SSH server. */
  readonly seconds: number
  /** From the launch to each step, as `kiln describe` tells. */
  readonly at: Readonly<Record<Step, number>>
}

export async function measureBoots(
  launches: LaunchLab,
  instanceType: Parameters<LaunchLab['launch']>[0],
  count: number,
): Promise<Boots> {
  const { lab, servers } = launches
  const seconds: number[] = []
  const at = Object.fromEntries(steps.map((step) => [step, [] as number[]])) as Record<Step, number[]>
  for (let time = 0; time < count; time++) {
    const launched = await launches.launch(instanceType, booted)
    seconds.push(launched.seconds)
    await Promise.all((['ssh', 'cloud-init'] as const).map((step) => servers.waitForStage(launched.id, step)))
    const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: launched.id })
    for (const step of steps) at[step].push(stages.find(({ Name }) => Name === step)?.Seconds ?? Number.NaN)
    await launches.terminate([launched.id])
  }
  const medians = steps.map((step) => [step, median(at[step])] as const)
  return { seconds: median(seconds), at: Object.fromEntries(medians) as Record<Step, number> }
}

/** Where the time of a boot goes. */
export function stepsFigure(what: string, { at }: Boots, count: number): Figure {
  const [last = 'cloud-init'] = steps.slice(-1)
  return {
    name: `${what}, booted from the image, RunInstances → the end of cloud-init (medians of ${count})`,
    value: formatSeconds(at[last]),
    reference: steps
      .slice(0, -1)
      .map((step) => `${step} ${formatSeconds(at[step])}`)
      .join(', '),
  }
}
