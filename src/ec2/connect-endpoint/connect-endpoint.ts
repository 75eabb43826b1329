import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'

/** An EC2 Instance Connect Endpoint: connections through it come from its own private address, under its security groups. */
export interface ConnectEndpointRecord extends ResourceRecord {
  readonly vpcId: string
  readonly subnetId: string
  /** Those in progress last until the packets follow. */
  readonly state:
    | 'create-in-progress'
    | 'create-complete'
    | 'update-in-progress'
    | 'update-complete'
    | 'delete-in-progress'
    | 'delete-complete'
  readonly interfaceId: string
  readonly privateIp: string
  /** Of a dual-stack one, in its canonical form. */
  readonly ipv6Address?: string
  readonly groupIds: readonly string[]
  readonly createTime: string
  readonly deleteTime?: string
}

/** How long one that was deleted is still shown. */
const retentionMs = 3600 * 1000

const settled = {
  'create-in-progress': 'create-complete',
  'update-in-progress': 'update-complete',
  'delete-in-progress': 'delete-complete',
} as const

/** EC2's words for whom it reaches: by IPv4 alone, or by IPv6 as well. */
export const connectEndpointTypes = ['ipv4', 'dualstack'] as const
type ConnectEndpointType = (typeof connectEndpointTypes)[number]

/** Which of them an endpoint is. */
export function connectEndpointTypeOf({
  ipv6Address,
}: Pick<ConnectEndpointRecord, 'ipv6Address'>): ConnectEndpointType {
  return ipv6Address === undefined ? 'ipv4' : 'dualstack'
}

/** Whether connections may go through it. */
export function isConnectEndpointThere({ state }: ConnectEndpointRecord): boolean {
  return !state.startsWith('delete')
}

/** The caller's endpoint of that id. Throws InvalidInstanceConnectEndpointId.Malformed and .NotFound. */
export function findConnectEndpoint(store: Store, scope: Scope, id: string | undefined): ConnectEndpointRecord {
  return findOne('eice', id ?? '', (known) => store.connectEndpoints.get(scope, known))
}

/** The packets follow the record. */
export function settleConnectEndpoint(store: Store, id: string, now: Date): void {
  const endpoint = store.connectEndpoints.find(id)
  if (!endpoint || !(endpoint.state in settled)) return
  const state = settled[endpoint.state as keyof typeof settled]
  const isDeleted = state === 'delete-complete'
  store.connectEndpoints.replace({ ...endpoint, state, ...(isDeleted ? { deleteTime: now.toISOString() } : {}) })
}

/** Settles what an earlier daemon left between two states, and forgets what was deleted long ago. */
export function tidyConnectEndpoints(store: Store, now: Date): void {
  for (const { id, deleteTime } of store.connectEndpoints.listAll()) {
    settleConnectEndpoint(store, id, now)
    if (deleteTime === undefined || now.getTime() - new Date(deleteTime).getTime() < retentionMs) continue
    store.connectEndpoints.remove(id)
    store.tags.removeAll(id)
  }
}
