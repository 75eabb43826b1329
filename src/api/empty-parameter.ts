import type { Member } from '../ec2-model/model.ts'

/**
 * The value of a tag, filter or attribute may be the empty text, and an empty NoDevice leaves a device out; any other empty parameter
 * is an absent one, as clients send those for what nobody set.
 */
export function isEmptyMeant(member: Member): boolean {
  return member.name === 'Value' || member.name === 'NoDevice'
}
