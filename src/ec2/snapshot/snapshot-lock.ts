import type { LockState } from '@aws-sdk/client-ec2'
import { Ec2Error } from '../errors.ts'
import type { SnapshotLock, SnapshotRecord } from './snapshot.ts'

/** The state of a lock at a time, in EC2's words. */
export function lockStateOf(lock: SnapshotLock, now: Date): LockState {
  if (Date.parse(lock.expiresOn) <= now.getTime()) return 'expired'
  if (lock.mode === 'governance') return 'governance'
  const isCooling = lock.coolOffExpiresOn !== undefined && Date.parse(lock.coolOffExpiresOn) > now.getTime()
  return isCooling ? 'compliance-cooloff' : 'compliance'
}

/** Whether a snapshot must not be deleted. */
export function isLocked({ lock }: SnapshotRecord, now: Date): boolean {
  return lock !== undefined && lockStateOf(lock, now) !== 'expired'
}

/** Throws for a snapshot that must not be deleted. */
export function requireUnlocked(snapshot: SnapshotRecord, now: Date): void {
  if (!isLocked(snapshot, now)) return
  throw new Ec2Error(
    'SnapshotLocked',
    `The snapshot ${snapshot.id} is locked until ${snapshot.lock?.expiresOn} and can't be deleted.`,
  )
}
