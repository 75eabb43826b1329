import type { Domain } from '../domain.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { serialConsoleAccess } from '../instance/serial-console-access.ts'

/** Who logs in to the serial console of an instance by SSH: "i-001234a4bf70dec41EXAMPLE.port0". */
export function serialConsoleUser(instanceId: string): string {
  return `${instanceId}.port0`
}

/** The instance that a user of the serial consoles is the one of, with the keys that let in now. */
export interface SerialConsoleLogin {
  readonly instance: InstanceRecord
  /** One line each, OpenSSH format. */
  readonly publicKeys: readonly string[]
}

/** Undefined where nobody may log in: no such instance, none of a key that was pushed within a minute, or access that is disabled since. */
export function findSerialConsoleLogin(
  { store, serialConsoleKeys }: Pick<Domain, 'store' | 'serialConsoleKeys'>,
  user: string,
): SerialConsoleLogin | undefined {
  const instance = store.instances.find(user.replace(/\.port0$/, ''))
  if (!instance || user !== serialConsoleUser(instance.id)) return undefined
  if (!serialConsoleAccess.get(store, instance).isEnabled) return undefined
  const publicKeys = serialConsoleKeys.list(instance.id).map(({ publicKey }) => publicKey)
  return publicKeys.length > 0 ? { instance, publicKeys } : undefined
}
