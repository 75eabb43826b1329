import type { Figure } from '../bench/figure.ts'
import { openLaunchLab } from './launch-lab.ts'
import { measureBoots, stepsFigure } from './boots.ts'
import { formatSeconds, launchFigure, measureLaunches } from './warmth.ts'

const type = 't2.nano'
const times = 10
const limitSeconds = 0.4
const makingLimit = 1.5

/** The smallest server: what is left when a guest has nothing to do. */
export async function measureNano(): Promise<Figure[]> {
  const launches = await openLaunchLab('nano')
  try {
    const boots = await measureBoots(launches, type, times)
    const { seconds: cold } = boots
    await launches.image.warm(type)
    const made = await launches.madeInSeconds(type)
    const warm = await measureLaunches(launches, type, times)
    return [
      stepsFigure('nano', boots, times),
      launchFigure(
        `nano, RunInstances → SSH banner, from a template (median of ${times})`,
        warm,
        { text: `≤ ${formatSeconds(limitSeconds)}`, isKept: warm <= limitSeconds },
        cold,
      ),
      {
        name: 'nano, making the template',
        value: `${formatSeconds(made)}, ${(made / cold).toFixed(2)} × a boot`,
        limit: `≤ ${makingLimit} × a boot`,
        isKept: made <= makingLimit * cold,
        reference: `booted from the image ${formatSeconds(cold)}`,
      },
    ]
  } finally {
    await launches.lab.close()
  }
}
