import { Ec2Error } from '../errors.ts'
import type { Scope, Store } from '../ports/store.ts'

/** EC2's rule for AMI names ("RegisterImage"). */
const namePattern = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/

/** Throws InvalidAMIName.Malformed. */
export function requireImageName(name: string): void {
  if (namePattern.test(name)) return
  throw new Ec2Error(
    'InvalidAMIName.Malformed',
    `AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'`,
  )
}

/** Whether an account has an image of that name in a region. */
export function isImageNameTaken(store: Store, { accountId, region }: Scope, name: string): boolean {
  const others = store.images.listBy('name', name)
  return others.some((image) => image.accountId === accountId && image.region === region)
}

/** Throws InvalidAMIName.Duplicate. */
export function refuseTakenImageName(store: Store, scope: Scope, name: string): void {
  if (!isImageNameTaken(store, scope, name)) return
  throw new Ec2Error('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by another AMI`)
}

/** Checks the name of a new image. Throws InvalidAMIName.Malformed or InvalidAMIName.Duplicate. */
export function requireFreeImageName(store: Store, scope: Scope, name: string): void {
  requireImageName(name)
  refuseTakenImageName(store, scope, name)
}
