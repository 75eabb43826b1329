import type { LockedSnapshotsInfo } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { saveSnapshot } from './save-snapshot.ts'
import { isLocked, lockStateOf } from './snapshot-lock.ts'
import type { SnapshotLock, SnapshotRecord } from './snapshot.ts'
import { findOwnSnapshot } from './visible-snapshot.ts'

const millisecondsPerHour = 60 * 60 * 1000
const millisecondsPerDay = 24 * millisecondsPerHour
/** A hundred years, as for `LockDuration`. */
const maximumDays = 36_500

type LockRequest = Parameters<Ec2Mutation<'LockSnapshot'>['apply']>[1]

/** LockSnapshot: also changes a lock; one in compliance mode whose cooling-off period is over can only be made longer. */
export function lockSnapshot(domain: Domain): Ec2Mutation<'LockSnapshot'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId', 'LockMode', 'LockDuration', 'ExpirationDate', 'CoolOffPeriod'],
    apply: (context, input) => {
      const snapshot = findOwnSnapshot(domain, context, input.SnapshotId)
      const lock = planLock(context, input, snapshot)
      const locked = { ...snapshot, lock }
      saveSnapshot(domain, context, locked)
      const { OwnerId: _ownerId, ...told } = describeLock(locked, lock, context.now)
      return told
    },
  }
}

/** UnlockSnapshot: not in compliance mode once its cooling-off period is over. */
export function unlockSnapshot(domain: Domain): Ec2Mutation<'UnlockSnapshot'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId'],
    apply: (context, input) => {
      const { lock, ...snapshot } = findOwnSnapshot(domain, context, input.SnapshotId)
      if (!lock || !isLocked({ ...snapshot, lock }, context.now)) {
        throw new Ec2Error('SnapshotNotLocked', `The snapshot ${snapshot.id} is not locked.`)
      }
      if (lockStateOf(lock, context.now) === 'compliance') throw lockedInCompliance(snapshot.id, 'be unlocked')
      saveSnapshot(domain, context, snapshot)
      return { SnapshotId: snapshot.id }
    },
  }
}

/** A lock in EC2's shape. */
export function describeLock(snapshot: SnapshotRecord, lock: SnapshotLock, now: Date): LockedSnapshotsInfo {
  return {
    OwnerId: snapshot.accountId,
    SnapshotId: snapshot.id,
    LockState: lockStateOf(lock, now),
    LockDuration: lock.durationDays,
    CoolOffPeriod: lock.coolOffHours,
    CoolOffPeriodExpiresOn: lock.coolOffExpiresOn === undefined ? undefined : new Date(lock.coolOffExpiresOn),
    LockCreatedOn: new Date(lock.createdOn),
    LockDurationStartTime: new Date(lock.durationStartTime),
    LockExpiresOn: new Date(lock.expiresOn),
  }
}

function planLock({ now }: MutationContext, input: LockRequest, snapshot: SnapshotRecord): SnapshotLock {
  const { LockMode: mode, CoolOffPeriod: coolOffHours } = input
  if (mode === undefined) throw missingParameter('LockMode')
  if (mode === 'governance' && coolOffHours !== undefined) {
    throw invalidParameterCombination('CoolOffPeriod can be used with the lock mode compliance only')
  }
  const expiry = readExpiry(input, now)
  const present = snapshot.lock
  if (present && lockStateOf(present, now) === 'compliance') {
    if (mode !== 'compliance') throw lockedInCompliance(snapshot.id, 'change its lock mode')
    if (coolOffHours !== undefined) throw lockedInCompliance(snapshot.id, 'have a cooling-off period again')
    if (expiry.expiresOn < present.expiresOn) throw lockedInCompliance(snapshot.id, 'have its lock shortened')
    return { ...present, ...expiry }
  }
  return {
    mode,
    createdOn: present && lockStateOf(present, now) !== 'expired' ? present.createdOn : now.toISOString(),
    ...expiry,
    ...(coolOffHours === undefined
      ? {}
      : {
          coolOffHours,
          coolOffExpiresOn: new Date(now.getTime() + coolOffHours * millisecondsPerHour).toISOString(),
        }),
  }
}

/** By a number of days or by a date, which is at least a day away. */
function readExpiry(
  { LockDuration: days, ExpirationDate: date }: LockRequest,
  now: Date,
): Pick<SnapshotLock, 'durationStartTime' | 'durationDays' | 'expiresOn'> {
  const durationStartTime = now.toISOString()
  if (days !== undefined && date !== undefined) {
    throw invalidParameterCombination('LockDuration cannot be used with ExpirationDate')
  }
  if (days !== undefined) {
    const expiresOn = new Date(now.getTime() + days * millisecondsPerDay).toISOString()
    return { durationStartTime, durationDays: days, expiresOn }
  }
  if (date === undefined) throw missingParameter('LockDuration or ExpirationDate')
  const distance = (date.getTime() - now.getTime()) / millisecondsPerDay
  if (distance < 1 || distance > maximumDays) {
    throw invalidParameterValue('expirationDate', date.toISOString(), `Expected 1 to ${maximumDays} days from now.`)
  }
  return { durationStartTime, durationDays: Math.floor(distance), expiresOn: date.toISOString() }
}

function lockedInCompliance(snapshotId: string, what: string): Ec2Error {
  return new Ec2Error(
    'OperationNotPermitted',
    `The snapshot ${snapshotId} is locked in compliance mode and its cooling-off period is over: it can't ${what}.`,
  )
}
