import { findOne } from '../ids.ts'
import type { Collection, ResourceRecord, Scope, Store } from '../ports/store.ts'

/** One end of a peering connection. */
export interface PeeringSide extends Scope {
  readonly vpcId: string
  /** Whether the other side's guests get private addresses for this side's public names. */
  readonly allowsRemoteDns: boolean
}

/** What is recorded; `expired` follows from the time. */
type RecordedState = 'failed' | 'pending-acceptance' | 'active' | 'rejected' | 'deleted'
export type PeeringState = RecordedState | 'expired'

/** A VPC peering connection. It belongs to the requester's account and region; the accepter sees it too. */
export interface PeeringRecord extends ResourceRecord {
  readonly requester: PeeringSide
  readonly accepter: PeeringSide
  /** ACCOUNT/REGION of the accepter where they are not the requester's, for finding it from there. */
  readonly accepterScope?: string
  readonly state: RecordedState
  readonly createdAt: string
  /** When it came to its end: failed, rejected or deleted. */
  readonly endedAt?: string
  /** The account and region that deleted it. */
  readonly deletedBy?: Scope
}

/** The side's own end. */
export type PeeringRole = 'requester' | 'accepter'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** "VPC peering connection lifecycle": a request that nobody answers expires after a week. */
const requestLifeMs = 7 * dayMs
/** The same page: how long what has ended is shown to whom it does not surprise, and to the others. */
const shortMemoryMs = 2 * hourMs
const longMemoryMs = 2 * dayMs

export function isSameScope(a: Scope, b: Scope): boolean {
  return a.accountId === b.accountId && a.region === b.region
}

/** How `accepterScope` is written. */
export function scopeKeyOf({ accountId, region }: Scope): string {
  return `${accountId}/${region}`
}

/** When a request expires unless it is answered. */
export function expiryOf({ createdAt }: PeeringRecord): Date {
  return new Date(Date.parse(createdAt) + requestLifeMs)
}

/** The state at a time. */
export function peeringStateAt(peering: PeeringRecord, now: Date): PeeringState {
  return peering.state === 'pending-acceptance' && now >= expiryOf(peering) ? 'expired' : peering.state
}

/** The roles that a caller has; none when it is neither's account and region. */
export function rolesOf({ requester, accepter }: PeeringRecord, scope: Scope): PeeringRole[] {
  return [
    ...(isSameScope(requester, scope) ? (['requester'] as const) : []),
    ...(isSameScope(accepter, scope) ? (['accepter'] as const) : []),
  ]
}

/** Whether a caller sees it: what has ended is shown for some hours or days ("VPC peering connection lifecycle"). */
export function isPeeringVisible(peering: PeeringRecord, scope: Scope, now: Date): boolean {
  const roles = rolesOf(peering, scope)
  const [role] = roles
  if (role === undefined) return false
  const state = peeringStateAt(peering, now)
  if (state === 'active' || state === 'pending-acceptance') return true
  const endedAt = state === 'expired' ? expiryOf(peering).getTime() : Date.parse(peering.endedAt ?? '')
  if (state === 'failed' && role === 'accepter') return false
  return now.getTime() < endedAt + memoryOf(peering, state, role, scope)
}

function memoryOf(peering: PeeringRecord, state: PeeringState, role: PeeringRole, scope: Scope): number {
  if (state === 'failed') return shortMemoryMs
  if (state === 'expired') return longMemoryMs
  if (peering.requester.accountId === peering.accepter.accountId) return shortMemoryMs
  if (state === 'rejected') return role === 'requester' ? longMemoryMs : shortMemoryMs
  return peering.deletedBy && isSameScope(peering.deletedBy, scope) ? shortMemoryMs : longMemoryMs
}

/** A caller's view of all peering connections, those that have ended left in: for ids, filters and pages. */
export function peeringsOfBoth({ peerings }: Store): Pick<Collection<PeeringRecord>, 'get' | 'page'> {
  return {
    get: (scope, id) => {
      const record = peerings.find(id)
      return record && rolesOf(record, scope).length > 0 ? record : undefined
    },
    page: (scope, afterSequence, limit, among) => {
      const others = peerings.pageBy('accepterScope', scopeKeyOf(scope), afterSequence)
      const own = peerings.page(scope, afterSequence, limit, among)
      if (others.length === 0) return own
      return [...own, ...others].sort((a, b) => a.sequence - b.sequence).slice(0, limit)
    },
  }
}

/** The peering connection of that id which a caller sees. Throws InvalidVpcPeeringConnectionID.Malformed, ….NotFound. */
export function findPeering(store: Store, scope: Scope & { now: Date }, id: string | undefined): PeeringRecord {
  return findOne('pcx', id ?? '', (known) => {
    const record = store.peerings.find(known)
    return record && isPeeringVisible(record, scope, scope.now) ? record : undefined
  })
}

/** All peering connections of a VPC, whatever their state. */
export function peeringsOfVpc(store: Store, vpcId: string): PeeringRecord[] {
  return [
    ...store.peerings.listBy('requester.vpcId', vpcId),
    ...store.peerings.listBy('accepter.vpcId', vpcId).filter(({ requester }) => requester.vpcId !== vpcId),
  ]
}

/** The other end, as seen from a VPC. */
export function otherSideOf({ requester, accepter }: PeeringRecord, vpcId: string): PeeringSide {
  return requester.vpcId === vpcId ? accepter : requester
}

/** The active peering connection between two VPCs. */
export function activePeeringBetween(store: Store, vpcId: string, otherVpcId: string): PeeringRecord | undefined {
  return peeringsOfVpc(store, vpcId).find(
    (peering) => peering.state === 'active' && otherSideOf(peering, vpcId).vpcId === otherVpcId,
  )
}
