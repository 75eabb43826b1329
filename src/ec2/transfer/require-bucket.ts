import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { ObjectPlace } from '../ports/object-store.ts'
import type { Scope } from '../ports/store.ts'

/** Throws NoSuchBucket for a bucket that the configuration does not have for the account: what is another's does not exist. */
export function requireBucket({ objects }: Pick<Domain, 'objects'>, { accountId }: Scope, bucket: string): void {
  if (objects.isOffered(bucket, accountId)) return
  throw new Ec2Error(
    'NoSuchBucket',
    `The bucket ${bucket.slice(0, 80)} does not exist for this account: buckets are set in config.yaml.`,
    404,
  )
}

/** Throws NoSuchBucket, or InvalidKey for what cannot be a key in that bucket. */
export function requireObjectPlace(domain: Pick<Domain, 'objects'>, scope: Scope, place: ObjectPlace): ObjectPlace {
  requireBucket(domain, scope, place.bucket)
  domain.objects.requirePlace(place)
  return place
}
