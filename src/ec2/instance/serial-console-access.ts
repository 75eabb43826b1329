import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'

/**
 * Whether an account lets its users at serial consoles by EC2's way, SSH with a key that SendSerialConsoleSSHPublicKey has pushed.
 * `kiln console` is the host owner's own and asks nobody.
 */
export const serialConsoleAccess = defineAccountSetting('serial-console-access', { isEnabled: false })

export function getSerialConsoleAccessStatus({ store }: Domain): Ec2Query<'GetSerialConsoleAccessStatus'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => ({
      SerialConsoleAccessEnabled: serialConsoleAccess.get(store, context).isEnabled,
      ManagedBy: 'account',
    }),
  }
}

export function enableSerialConsoleAccess(domain: Domain): Ec2Mutation<'EnableSerialConsoleAccess'> {
  return changeAccess(domain, true)
}

/** Sessions that go on end. */
export function disableSerialConsoleAccess(domain: Domain): Ec2Mutation<'DisableSerialConsoleAccess'> {
  return changeAccess(domain, false)
}

function changeAccess(
  { store, serialSessions }: Domain,
  isEnabled: boolean,
): Ec2Mutation<'EnableSerialConsoleAccess' | 'DisableSerialConsoleAccess'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      serialConsoleAccess.put(store, context, { isEnabled })
      if (!isEnabled) {
        const isTheirs = (instanceId: string) => store.instances.get(context, instanceId) !== undefined
        context.afterCommit(() => serialSessions.endWhere(isTheirs))
      }
      return { SerialConsoleAccessEnabled: isEnabled }
    },
  }
}
