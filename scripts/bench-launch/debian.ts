import type { Figure } from '../bench/figure.ts'
import { bringUp } from './manifest.ts'
import { type LaunchLab, openLaunchLab, settle } from './launch-lab.ts'
import { measureBoots, stepsFigure } from './boots.ts'
import { formatSeconds, launchFigure, measureLaunches } from './warmth.ts'

/** What `kiln run` takes. */
const type = 't3.micro'
const times = 10
/** Of boots, which take the better part of a minute each. */
const coldTimes = 3
const crowd = 20
const coldCrowd = 4
const manifestCount = 10
const idleMs = 20_000
const bytesPerMib = 1024 ** 2
const limits = { bootedSeconds: 1.5, bootedRatio: 20, making: 1.5, memoryShare: 0.35 } as const

/** Debian with cloud-init: booted, from a template before cloud-init, from a booted template; and a crowd of them. */
export async function measureDebian(): Promise<Figure[]> {
  const launches = await openLaunchLab('debian-12')
  try {
    const boots = await measureBoots(launches, type, coldTimes)
    const { seconds: cold } = boots
    const coldBytes = await measureColdCrowd(launches)
    const early = await measureDepth(launches, 'before-cloud-init')
    const deep = await measureDepth(launches, 'booted')
    const isFast = deep.seconds <= limits.bootedSeconds && cold >= limits.bootedRatio * deep.seconds
    return [
      stepsFigure('Debian 12', boots, coldTimes),
      launchFigure(
        `Debian 12, RunInstances → SSH banner, from a template before cloud-init (median of ${times})`,
        early.seconds,
        undefined,
        cold,
      ),
      launchFigure(
        `Debian 12, RunInstances → SSH banner, from a booted template (median of ${times})`,
        deep.seconds,
        {
          text: `≤ ${formatSeconds(limits.bootedSeconds)} and ≥ ${limits.bootedRatio} × faster than a boot`,
          isKept: isFast,
        },
        cold,
      ),
      {
        name: 'Debian 12, making the booted template',
        value: `${formatSeconds(deep.made)}, ${(deep.made / cold).toFixed(2)} × a boot`,
        limit: `≤ ${limits.making} × a boot`,
        isKept: deep.made <= limits.making * cold,
        reference: `booted from the image ${formatSeconds(cold)} (median of ${coldTimes})`,
      },
      ...(await measureCrowd(launches, cold, coldBytes)),
      await measureManifest(launches),
    ]
  } finally {
    await launches.lab.close()
  }
}

async function measureDepth(
  launches: LaunchLab,
  Depth: 'booted' | 'before-cloud-init',
): Promise<{ seconds: number; made: number }> {
  const { imageId } = launches.image
  await launches.lab.call('KilnWarmImage', { ImageId: imageId, InstanceTypes: [type], Depth })
  // That of another depth goes first.
  for (;;) {
    const { Templates: templates } = await launches.lab.call('KilnDescribeTemplates', { ImageIds: [imageId] })
    if (templates.some((own) => own.State === 'ready' && own.Depth === Depth)) break
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  const made = await launches.madeInSeconds(type)
  return { made, seconds: await measureLaunches(launches, type, times) }
}

/** What the memory of servers that were booted comes to, each. */
async function measureColdCrowd(launches: LaunchLab): Promise<number> {
  const { ids } = await launches.launchMany(coldCrowd, type)
  await settle(launches, ids, idleMs)
  const bytes = (await launches.proportionalBytes(ids)) / coldCrowd
  await launches.terminate(ids)
  return bytes
}

/** `kiln up` with a manifest of many servers, next to one of a single server that boots. */
async function measureManifest(launches: LaunchLab): Promise<Figure> {
  const { imageId } = launches.image
  const one = await bringUp(launches.lab, { imageId, type, count: 1, isBooted: true })
  const many = await bringUp(launches.lab, { imageId, type, count: manifestCount, isBooted: false })
  return {
    name: `${manifestCount} Debian 12 of one manifest from a booted template, \`kiln up\` → SSH answers on all`,
    value: formatSeconds(many),
    limit: 'not more than for one that is booted',
    isKept: many <= one,
    reference: `one booted from the image ${formatSeconds(one)}`,
  }
}

async function measureCrowd(launches: LaunchLab, cold: number, coldBytes: number): Promise<Figure[]> {
  const { ids, seconds } = await launches.launchMany(crowd, type)
  const last = Math.max(...seconds)
  await settle(launches, ids, idleMs)
  const bytes = (await launches.proportionalBytes(ids)) / crowd
  await launches.terminate(ids)
  const mib = (count: number) => `${Math.round(count / bytesPerMib)} MiB`
  return [
    {
      name: `${crowd} Debian 12 by one call from a booted template → the last SSH banner`,
      value: formatSeconds(last),
      limit: 'less than one boot',
      isKept: last < cold,
      reference: `one booted from the image ${formatSeconds(cold)}`,
    },
    {
      name: `memory of ${crowd} idle Debian 12 from a template, each (PSS)`,
      value: `${mib(bytes)}, ${Math.round((bytes / coldBytes) * 100)} %`,
      limit: `≤ ${limits.memoryShare * 100} %`,
      isKept: bytes <= limits.memoryShare * coldBytes,
      reference: `${coldCrowd} that were booted ${mib(coldBytes)} each`,
    },
  ]
}
