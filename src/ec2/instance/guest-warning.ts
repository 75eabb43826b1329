import type { Store } from '../ports/store.ts'
import type { InstanceBoot } from './instance.ts'

/** More than a few say nothing new: the console has them all. */
const maximumCount = 5
const maximumLength = 300

/** cloud-init's log lines on the console, the same from 22.4 to 25.1: `cloud-init[520]: TIME - util.py[WARNING]: what is wrong`. */
const cloudInitComplaint = /cloud-init\[\d+\]: .* - \S+\.py\[(?:WARNING|ERROR|CRITICAL)\]: (.+)/

/** nano's, which has no cloud-init: images/nano/root/usr/lib/kiln/report.lua. */
const nanoComplaint = /kiln: (user data: .+)/

/**
 * What no user is to do anything about, on EC2 neither: cloud-init looks for a category that EC2 has never had (it has
 * `subnet-ipv6-cidr-blocks`) when an interface has several IPv6 addresses, and goes on with what is right.
 */
const idleComplaint = /^Could not parse subnet-ipv6-cidr-block None /

/**
 * What cloud-init complains of in whole lines of the console (latin1): user data that cannot be understood, a script or module that has
 * failed. Without it a user sees such errors only inside the guest.
 */
export function findGuestWarnings(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const words = (cloudInitComplaint.exec(line) ?? nanoComplaint.exec(line))?.[1]
    if (words === undefined || idleComplaint.test(words)) return []
    const text = Buffer.from(words, 'latin1').toString('utf8').trim()
    // The module's Python object: its name stands before it.
    return [text.replace(/ \(<module .*?>\)/, '').slice(0, maximumLength)]
  })
}

/** Records a warning of the present boot; answers whether it was new and is to be told. */
export function recordGuestWarning(store: Store, instanceId: string, text: string): boolean {
  return store.transaction(() => {
    const record = store.instances.find(instanceId)
    if (!record?.boot) return false
    const present = record.boot.guestWarnings ?? []
    if (present.length >= maximumCount || present.includes(text)) return false
    store.instances.replace({ ...record, boot: { ...record.boot, guestWarnings: [...present, text] } })
    return true
  })
}

/** A boot's warnings as one sentence for a person; undefined when there are none. */
export function describeGuestWarnings(boot: InstanceBoot | undefined): string | undefined {
  const warnings = boot?.guestWarnings ?? []
  return warnings.length === 0 ? undefined : `cloud-init in the guest: ${warnings.join('; ')}`
}
