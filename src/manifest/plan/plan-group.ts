import { type Lab, type LabRule, type LabSecurityGroup, labTag } from '../lab.ts'
import { findPeer, ipv6BlockOfVpc } from '../observed-network.ts'
import { type GroupRecord, type Observed, tagOf } from '../observed.ts'
import { defaultEgress, formatRule, readPermissions } from '../rule.ts'
import { defaultGroupAddress, type Detail, operationId, type PlanDraft, type RuleChanges } from './plan.ts'

/** Groups come first and rules after, so that groups may name each other in circles. */
export function planGroups(draft: PlanDraft, lab: Lab, observed: Observed): void {
  const owned = ownGroups(lab, observed)
  const byDefault = observed.securityGroups.find(({ GroupName: name }) => name === 'default')
  draft.known.set(defaultGroupAddress, byDefault?.GroupId ?? '')
  for (const record of owned) draft.known.set(`securityGroups.${keyOf(lab, record)}`, record.GroupId ?? '')
  const ofNew = defaultEgress(willHaveIpv6(lab, observed))
  const getsIpv6 = lab.network?.hasIpv6 === true && ipv6BlockOfVpc(observed.network.vpc) === undefined
  for (const group of lab.securityGroups.values()) {
    const found = owned.find((record) => record.GroupName === group.name)
    const present = found ? withIpv6(readRules(lab, owned, found), getsIpv6) : { ingress: [], egress: ofNew }
    planGroup(draft, lab, { ...group, egress: group.egress ?? everythingOut(present, ofNew) }, present, found)
  }
  for (const record of owned) {
    const isWanted = [...lab.securityGroups.values()].some(({ name }) => name === record.GroupName)
    if (!isWanted) planGroupRemoval(draft, lab, owned, record)
  }
}

/** The groups that carry the lab's tag. */
export function ownGroups(lab: Lab, { securityGroups }: Observed): GroupRecord[] {
  return securityGroups.filter((record) => tagOf(record, labTag.lab) === lab.name)
}

/** Whether the groups' VPC has IPv6 once the plan is carried out: the default one may have been given a block as well. */
function willHaveIpv6({ network: wanted }: Lab, { network }: Observed): boolean {
  return wanted ? wanted.hasIpv6 : ipv6BlockOfVpc(findPeer(network, 'default')) !== undefined
}

/** The rules that a group has once its VPC has IPv6: EC2 adds one to what lets everything out. */
function withIpv6(rules: Rules, getsIpv6: boolean): Rules {
  const text = (egress: readonly LabRule[]) => egress.map((rule) => formatRule(rule, 'egress')).join()
  const isUntouched = text(rules.egress) === text(defaultEgress(false))
  return getsIpv6 && isUntouched ? { ...rules, egress: defaultEgress(true) } : rules
}

/** What lets everything out, by no fewer addresses than it does: of a VPC whose IPv6 block is gone EC2 leaves the rules for it. */
function everythingOut({ egress }: Rules, ofNew: readonly LabRule[]): LabRule[] {
  const known = new Set(defaultEgress(true).map((rule) => formatRule(rule, 'egress')))
  return [...ofNew, ...egress.filter((rule) => known.has(formatRule(rule, 'egress')))]
}

interface Rules {
  readonly ingress: readonly LabRule[]
  readonly egress: readonly LabRule[]
}

function planGroup(
  draft: PlanDraft,
  lab: Lab,
  group: LabSecurityGroup & Rules,
  present: Rules,
  found: GroupRecord | undefined,
): void {
  const { key, name } = group
  const address = `securityGroups.${key}`
  const rules = compareRules(present, group)
  const details = describeRules(rules)
  if (!found) {
    draft.operations.push({
      kind: 'create-group',
      id: operationId.createGroup(name),
      address,
      group,
      after: [operationId.putVpc],
    })
    draft.changes.push({ address, action: 'create', details: [{ name: 'name', new: name }, ...details] })
  } else if (details.length > 0) {
    draft.changes.push({ address, action: 'update', id: found.GroupId ?? '', details })
  }
  if (details.length === 0) return
  const peers = [...rules.authorizeIngress, ...rules.authorizeEgress].flatMap(({ peer }) =>
    'group' in peer ? (lab.securityGroups.get(peer.group)?.name ?? []) : [],
  )
  draft.operations.push({
    kind: 'change-rules',
    id: operationId.changeRules(name),
    group: address,
    ...rules,
    after: [operationId.putVpc, ...[name, ...peers].map(operationId.createGroup)],
  })
}

/** Plans that a group of the lab goes: its rules first, for they may name others that go. */
export function planGroupRemoval(draft: PlanDraft, lab: Lab, owned: readonly GroupRecord[], record: GroupRecord): void {
  const { GroupName: name = '', GroupId: groupId = '' } = record
  const address = `securityGroups.${keyOf(lab, record)}`
  draft.known.set(address, groupId)
  draft.changes.push({ address, action: 'delete', id: groupId, details: [{ name: 'name', old: name }] })
  const rules = compareRules(keepGroupPeers(readRules(lab, owned, record)), { ingress: [], egress: [] })
  if (describeRules(rules).length > 0) {
    draft.operations.push({
      kind: 'change-rules',
      id: operationId.changeRules(name),
      group: address,
      ...rules,
      after: [],
    })
  }
  draft.operations.push({
    kind: 'delete-group',
    id: operationId.deleteGroup(name),
    groupId,
    after: owned.map((other) => operationId.changeRules(other.GroupName ?? '')),
  })
}

function keepGroupPeers({ ingress, egress }: Rules): Rules {
  const hasGroup = ({ peer }: LabRule) => 'group' in peer
  return { ingress: ingress.filter(hasGroup), egress: egress.filter(hasGroup) }
}

function keyOf(lab: Lab, record: GroupRecord): string {
  return (record.GroupName ?? '').slice(lab.name.length + 1)
}

function readRules(lab: Lab, owned: readonly GroupRecord[], record: GroupRecord): Rules {
  const nameOf = (id: string) => {
    const peer = owned.find(({ GroupId: other }) => other === id)
    return peer ? keyOf(lab, peer) : id
  }
  return {
    ingress: readPermissions(record.IpPermissions ?? [], nameOf),
    egress: readPermissions(record.IpPermissionsEgress ?? [], nameOf),
  }
}

function compareRules(present: Rules, wanted: Rules): RuleChanges {
  const without = (rules: readonly LabRule[], others: readonly LabRule[], direction: 'ingress' | 'egress') => {
    const known = new Set(others.map((rule) => formatRule(rule, direction)))
    const unique = new Map(rules.map((rule) => [formatRule(rule, direction), rule]))
    return [...unique].filter(([text]) => !known.has(text)).map(([, rule]) => rule)
  }
  return {
    revokeIngress: without(present.ingress, wanted.ingress, 'ingress'),
    authorizeIngress: without(wanted.ingress, present.ingress, 'ingress'),
    revokeEgress: without(present.egress, wanted.egress, 'egress'),
    authorizeEgress: without(wanted.egress, present.egress, 'egress'),
  }
}

function describeRules(rules: RuleChanges): Detail[] {
  return [
    ...rules.revokeIngress.map((rule) => ({ name: 'ingress', old: formatRule(rule, 'ingress') })),
    ...rules.authorizeIngress.map((rule) => ({ name: 'ingress', new: formatRule(rule, 'ingress') })),
    ...rules.revokeEgress.map((rule) => ({ name: 'egress', old: formatRule(rule, 'egress') })),
    ...rules.authorizeEgress.map((rule) => ({ name: 'egress', new: formatRule(rule, 'egress') })),
  ]
}
