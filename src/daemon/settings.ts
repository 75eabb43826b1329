import { availableParallelism, totalmem } from 'node:os'
import type { DomainSettings } from '../ec2/domain.ts'
import type { Configuration } from './configuration.ts'

const bytesPerMib = 1024 ** 2

/** What this host and its configuration allow the domain. */
export function readSettings(
  { account, capacity, images, machines, encryption, quotas }: Configuration,
  publicCidr: string,
): DomainSettings {
  return {
    vCpuCapacity: Math.floor(availableParallelism() * capacity.vCpuOvercommit),
    memoryCapacityMib: Math.floor((totalmem() / bytesPerMib) * capacity.memoryOvercommit),
    availableMemoryMib: () => {
      // Not more than the control group of the daemon may have, either.
      const availableMib = process.availableMemory() / bytesPerMib
      return Math.floor((availableMib - capacity.memoryReserveMib) * capacity.memoryOvercommit)
    },
    publicCidr,
    stopTimeoutMs: machines.stopTimeoutSeconds * 1000,
    rebootTimeoutMs: machines.rebootTimeoutSeconds * 1000,
    terminatedRetentionMs: machines.terminatedRetentionMinutes * 60_000,
    startAfterHostReboot: machines.startAfterHostReboot,
    encryptionKeys: encryption.keys,
    quotas,
    accountId: account.id,
    importDirectories: images.importDirectories,
  }
}
