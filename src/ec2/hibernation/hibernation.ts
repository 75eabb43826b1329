import { join } from 'node:path'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import { Ec2Error } from '../errors.ts'
import type { BootStage, InstanceRecord } from '../instance/instance.ts'
import type { SavedState } from '../ports/machine-state.ts'

/** The memory of an instance that is hibernated. Its file is in the machine's directory. */
export interface Hibernation {
  readonly savedAt: string
  readonly saved: SavedState
  /** The key of the root volume, which the file's key is made of; absent: the file is not encrypted. */
  readonly encryptionKeyId?: string
  /** MachineHost.shapeOf the machine that it is of. */
  readonly shape: string
  /** What its boot had reached: that is so again as soon as it goes on. */
  readonly stages: readonly BootStage[]
}

/** The file with an instance's memory. */
export function statePathOf(paths: StatePaths, instanceId: string): string {
  return join(paths.machines, instanceId, machineFile.state)
}

/**
 * Throws IncorrectState for an instance that is hibernated: its memory fits the machine that it was of, and no other. `what` was asked:
 * `get another type`.
 */
export function requireNotHibernated({ id, hibernation }: InstanceRecord, what: string): void {
  if (!hibernation) return
  throw new Ec2Error(
    'IncorrectState',
    `The instance '${id}' is hibernated and cannot ${what}: start it, and stop it without hibernation where it must be stopped.`,
  )
}
