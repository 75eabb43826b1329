import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { findNetworkAcl, type NetworkAclEntry, type NetworkAclRecord } from './network-acl.ts'
import { readEntry, requireRuleNumber } from './read-entry.ts'

const entryParameters = [
  'NetworkAclId',
  'RuleNumber',
  'Protocol',
  'RuleAction',
  'Egress',
  'CidrBlock',
  'Ipv6CidrBlock',
  'IcmpTypeCode',
  'PortRange',
] as const

export function createNetworkAclEntry(domain: Domain): Ec2Mutation<'CreateNetworkAclEntry'> {
  return {
    kind: 'mutation',
    parameters: entryParameters,
    apply: (context, input) => {
      const acl = findNetworkAcl(domain.store, context, input.NetworkAclId)
      const entry = readEntry(input)
      if (acl.entries.some((present) => isSamePlace(present, entry))) {
        throw new Ec2Error(
          'NetworkAclEntryAlreadyExists',
          `The network acl entry identified by ${entry.ruleNumber} already exists.`,
        )
      }
      putEntries(domain, context, acl, [...acl.entries, entry])
      return {}
    },
  }
}

/** ReplaceNetworkAclEntry: everything of the entry is given anew. */
export function replaceNetworkAclEntry(domain: Domain): Ec2Mutation<'ReplaceNetworkAclEntry'> {
  return {
    kind: 'mutation',
    parameters: entryParameters,
    apply: (context, input) => {
      const acl = findNetworkAcl(domain.store, context, input.NetworkAclId)
      const entry = readEntry(input)
      putEntries(domain, context, acl, [...withoutEntry(acl, entry), entry])
      return {}
    },
  }
}

export function deleteNetworkAclEntry(domain: Domain): Ec2Mutation<'DeleteNetworkAclEntry'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkAclId', 'RuleNumber', 'Egress'],
    apply: (context, input) => {
      const acl = findNetworkAcl(domain.store, context, input.NetworkAclId)
      const place = { ruleNumber: requireRuleNumber(input.RuleNumber), isEgress: input.Egress ?? false }
      putEntries(domain, context, acl, withoutEntry(acl, place))
      return {}
    },
  }
}

type EntryPlace = Pick<NetworkAclEntry, 'ruleNumber' | 'isEgress'>

/** Each direction has its own numbers. */
function isSamePlace(a: EntryPlace, b: EntryPlace): boolean {
  return a.ruleNumber === b.ruleNumber && a.isEgress === b.isEgress
}

function withoutEntry({ entries }: NetworkAclRecord, place: EntryPlace): NetworkAclEntry[] {
  const others = entries.filter((entry) => !isSamePlace(entry, place))
  if (others.length < entries.length) return others
  throw new Ec2Error(
    'InvalidNetworkAclEntry.NotFound',
    `The network acl entry identified by ${place.ruleNumber} does not exist.`,
  )
}

/** Records the entries; the packets follow at once. */
function putEntries(
  { store, networks, settings }: Domain,
  context: MutationContext,
  acl: NetworkAclRecord,
  entries: readonly NetworkAclEntry[],
): void {
  if (entries.length > acl.entries.length) {
    const added = entries.at(-1)
    const alike = acl.entries.filter(
      ({ isEgress, cidrIpv6 }) => isEgress === added?.isEgress && !cidrIpv6 === !added.cidrIpv6,
    )
    // The entry that denies the rest counts as well ("Amazon VPC quotas").
    const present = alike.length + 1
    requireQuota(settings.quotas, 'entriesPerNetworkAcl', { present, code: 'NetworkAclEntryLimitExceeded' })
  }
  store.networkAcls.replace({ ...acl, entries })
  context.afterCommit(() => networks.refreshSoon(acl.vpcId))
}
