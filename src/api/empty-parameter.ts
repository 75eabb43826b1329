import type { Member } from '../ec2-model/model.ts'

const meantWhenEmpty: ReadonlySet<string> = new Set(['Value', 'Values', 'NoDevice'])

/**
 * The value of a tag or attribute, and those of a filter, may be the empty text, and an empty NoDevice leaves a device out; any other
 * empty parameter is an absent one, as clients send those for what nobody set.
 */
export function isEmptyMeant(member: Member): boolean {
  return meantWhenEmpty.has(member.name)
}
