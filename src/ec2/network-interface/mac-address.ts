import type { Random } from '../../host/random.ts'

/** A locally administered unicast MAC beginning with EC2's own 02, in lower case. */
export function newMacAddress(random: Random): string {
  return ['02', ...Array.from(random.bytes(5), (byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
