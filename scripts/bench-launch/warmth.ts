import { type Figure, median } from '../bench/figure.ts'
import type { LaunchLab } from './launch-lab.ts'

/** Launches one after the other, each to its SSH banner and away. */
export async function measureLaunches(
  launches: LaunchLab,
  instanceType: Parameters<LaunchLab['launch']>[0],
  count: number,
): Promise<number> {
  const seconds: number[] = []
  for (let time = 0; time < count; time++) {
    const launched = await launches.launch(instanceType)
    seconds.push(launched.seconds)
    await launches.terminate([launched.id])
  }
  return median(seconds)
}

/** Of servers that are booted although there is a template. */
export const booted: Parameters<LaunchLab['launch']>[1] = {
  TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'kiln:fast-launch', Value: 'off' }] }],
}

export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
}

/** A launch in seconds beside a cold boot of the same run. */
export function launchFigure(
  name: string,
  seconds: number,
  limit: { readonly text: string; readonly isKept: boolean } | undefined,
  coldSeconds: number,
): Figure {
  return {
    name,
    value: formatSeconds(seconds),
    ...(limit ? { limit: limit.text, isKept: limit.isKept } : {}),
    reference: `booted from the image ${formatSeconds(coldSeconds)}, ${(coldSeconds / seconds).toFixed(1)} × as long`,
  }
}
