import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from './errors.ts'
import { refuseOtherMembers } from './honoured.ts'
import { type Grantees, isAccountId, type SharingChange } from './sharing.ts'

/** A grantee as clients name it: one of both. */
interface GranteeInput {
  readonly UserId?: string | undefined
  readonly Group?: string | undefined
}

/** A change of a permission in either of EC2's two ways: lists to add and to remove, or one list and what to do with it. */
export interface SharingChangeInput {
  readonly operation: string
  /** The parameter of the lists. */
  readonly path: string
  /** EC2's code for a grantee that cannot be one. */
  readonly code: string
  readonly permission:
    | { readonly Add?: readonly GranteeInput[] | undefined; readonly Remove?: readonly GranteeInput[] | undefined }
    | undefined
  readonly operationType: string | undefined
  readonly userIds: readonly string[] | undefined
  readonly groups: readonly string[] | undefined
}

const nobody: Grantees = { accountIds: [], hasAll: false }

/** Reads such a change. Throws for grantees that cannot be any, and for organizations, which Kiln does not have. */
export function readSharingChange(input: SharingChangeInput): SharingChange {
  const { operation, path, permission, operationType, userIds = [], groups = [] } = input
  if (permission) {
    if (operationType !== undefined || userIds.length + groups.length > 0) {
      throw invalidParameterCombination(`The parameter ${path} cannot be used with OperationType, user IDs or groups`)
    }
    for (const list of ['Add', 'Remove'] as const) {
      for (const item of permission[list] ?? [])
        refuseOtherMembers(operation, `${path}.${list}`, item, ['UserId', 'Group'])
    }
    return { added: readItems(input, permission.Add ?? []), removed: readItems(input, permission.Remove ?? []) }
  }
  if (operationType === undefined) throw missingParameter('OperationType')
  if (operationType !== 'add' && operationType !== 'remove') {
    throw invalidParameterValue('operationType', operationType.slice(0, 80), 'Expected add or remove.')
  }
  if (userIds.length + groups.length === 0) throw missingParameter('UserId')
  const grantees = readGrantees(input, userIds, groups)
  return operationType === 'add' ? { added: grantees, removed: nobody } : { added: nobody, removed: grantees }
}

function readItems(input: SharingChangeInput, items: readonly GranteeInput[]): Grantees {
  return readGrantees(
    input,
    items.flatMap(({ UserId: userId }) => userId ?? []),
    items.flatMap(({ Group: group }) => group ?? []),
  )
}

function readGrantees({ code }: SharingChangeInput, userIds: readonly string[], groups: readonly string[]): Grantees {
  const wrongUser = userIds.find((userId) => !isAccountId(userId))
  if (wrongUser !== undefined) {
    throw new Ec2Error(code, `Invalid attribute item value "${wrongUser.slice(0, 80)}" for userId item type.`)
  }
  const wrongGroup = groups.find((group) => group !== 'all')
  if (wrongGroup !== undefined) {
    throw new Ec2Error(code, `Invalid attribute item value "${wrongGroup.slice(0, 80)}" for group item type.`)
  }
  return { accountIds: userIds, hasAll: groups.length > 0 }
}
