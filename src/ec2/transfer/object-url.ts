import { Ec2Error } from '../errors.ts'
import type { ObjectPlace } from '../ports/object-store.ts'

/** Whether a text names something in a bucket. */
export function isObjectUrl(text: string): boolean {
  return /^s3:\/\//i.test(text)
}

/** The place that `s3://BUCKET/KEY` names; the key as it stands there, as `aws s3` takes it. Throws InvalidKey. */
export function readObjectUrl(text: string): ObjectPlace {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/is.exec(text) ?? []
  if (bucket !== undefined && key !== undefined) return { bucket, key }
  throw new Ec2Error('InvalidKey', `${text.slice(0, 200)} names no object: expected s3://BUCKET/KEY.`)
}

/** `s3://BUCKET/KEY`. */
export function formatObjectUrl({ bucket, key }: ObjectPlace): string {
  return `s3://${bucket}/${key}`
}
