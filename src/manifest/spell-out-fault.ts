import { defaultFaultSeconds } from '../ec2/fault/fault.ts'
import { parseDuration } from '../host/duration.ts'
import type { LabFault } from './lab.ts'
import type { Manifest } from './schema/manifest.ts'

type Entry = NonNullable<Manifest['faults']>[string]

/** A fault in the members of KilnInjectFault. A name stands for the instance where there is one, else for the security group. */
export function spellOutFault(lab: string, key: string, entry: Entry, isInstance: (name: string) => boolean): LabFault {
  const addressOf = (name: string) => `${isInstance(name) ? 'instances' : 'securityGroups'}.${name}`
  return {
    key,
    name: `${lab}/${key}`,
    effect: effectOf(entry),
    targets: entry.kind === 'api' ? [] : entry.on.map(addressOf),
    against: entry.kind === 'partition' ? entry.from.map(addressOf) : [],
    durationSeconds: entry.for === undefined ? defaultFaultSeconds : (parseDuration(entry.for) ?? 0),
  }
}

function effectOf(entry: Entry): LabFault['effect'] {
  switch (entry.kind) {
    case 'delay':
      return {
        Kind: 'delay',
        DelayMs: entry.ms,
        ...(entry.jitter === undefined ? {} : { JitterMs: entry.jitter }),
      }
    case 'loss':
      return { Kind: 'loss', LossPercent: entry.percent }
    case 'rate':
      return { Kind: 'rate', RateKbitPerSecond: entry.kbit }
    case 'partition':
      return { Kind: 'partition' }
    case 'dns':
    case 'metadata':
      return { Kind: entry.kind, Mode: entry.mode ?? 'timeout' }
    case 'api':
      return { Kind: 'api', RequestsPerSecond: entry.perSecond }
  }
}
