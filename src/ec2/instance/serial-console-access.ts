import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'

/**
 * Whether an account lets its users at serial consoles through EC2's API. Kiln offers none of EC2's ways there; `kiln console` is the
 * host owner's own and asks nobody.
 */
const serialConsoleAccess = defineAccountSetting('serial-console-access', { isEnabled: false })

export function getSerialConsoleAccessStatus({ store }: Domain): Ec2Query<'GetSerialConsoleAccessStatus'> {
  return {
    kind: 'query',
    parameters: [],
    isRecordOnly: true,
    answer: (context) => ({
      SerialConsoleAccessEnabled: serialConsoleAccess.get(store, context).isEnabled,
      ManagedBy: 'account',
    }),
  }
}

export function enableSerialConsoleAccess(domain: Domain): Ec2Mutation<'EnableSerialConsoleAccess'> {
  return changeAccess(domain, true)
}

export function disableSerialConsoleAccess(domain: Domain): Ec2Mutation<'DisableSerialConsoleAccess'> {
  return changeAccess(domain, false)
}

function changeAccess(
  { store }: Domain,
  isEnabled: boolean,
): Ec2Mutation<'EnableSerialConsoleAccess' | 'DisableSerialConsoleAccess'> {
  return {
    kind: 'mutation',
    parameters: [],
    isRecordOnly: true,
    apply: (context) => {
      serialConsoleAccess.put(store, context, { isEnabled })
      return { SerialConsoleAccessEnabled: isEnabled }
    },
  }
}
