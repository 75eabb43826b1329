import { Ec2Error } from '../errors.ts'
import type { InstanceMetadataOptions } from './instance.ts'

/** A key is a segment of a path in the metadata: what cannot be one is refused where they serve tags. */
const servableKey = /^(?!(?:\.{1,2}|_index)$)[0-9a-zA-Z\-_+=,.@:]{1,255}$/

/** Throws InvalidParameterValue, in EC2's words, for a key of an instance whose metadata serve its tags. */
export function requireServableKeys(
  { instanceMetadataTags }: InstanceMetadataOptions,
  tags: readonly { readonly key: string }[],
): void {
  if (instanceMetadataTags !== 'enabled') return
  const bad = tags.find(({ key }) => !servableKey.test(key))
  if (!bad) return
  throw new Ec2Error(
    'InvalidParameterValue',
    `'${bad.key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
  )
}
