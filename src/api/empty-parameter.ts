import type { Member } from '../ec2-model/model.ts'

const meantWhenEmpty: ReadonlySet<string> = new Set(['Value', 'Values', 'NoDevice'])

/**
 * The value of a tag or attribute, and those of a filter, may be the empty text, an empty NoDevice leaves a device out, and an empty
 * GroupName takes an instance out of its placement group; any other empty parameter is an absent one, as clients send those for what
 * nobody set. `structure` is the name of the shape that the member belongs to.
 */
export function isEmptyMeant(structure: string, { name }: Member): boolean {
  return meantWhenEmpty.has(name) || (structure === 'ModifyInstancePlacementRequest' && name === 'GroupName')
}
