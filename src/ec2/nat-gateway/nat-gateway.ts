import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'

/** A gateway that lets guests of other subnets out under its own private address. */
export interface NatGatewayRecord extends ResourceRecord {
  readonly vpcId: string
  readonly subnetId: string
  /** A private one has no way to the internet. */
  readonly connectivity: 'public' | 'private'
  /** `pending` and `deleting` last until the packets follow. */
  readonly state: 'pending' | 'available' | 'deleting' | 'deleted' | 'failed'
  readonly interfaceId: string
  readonly privateIp: string
  /** The elastic address of a public one. */
  readonly elasticIp?: { readonly allocationId: string; readonly associationId: string; readonly publicIp: string }
  readonly createTime: string
  /** Of one that is deleted or failed. */
  readonly deleteTime?: string
  readonly failure?: { readonly code: string; readonly message: string }
}

/** EC2 shows what was deleted, or failed, for about an hour. */
const retentionMs = 3600 * 1000

/** Whether a gateway is there for packets, so that routes to it are active. */
export function carriesPackets(gateway: NatGatewayRecord | undefined): gateway is NatGatewayRecord {
  return gateway?.state === 'available' || gateway?.state === 'pending'
}

/** The caller's gateway of that id. Throws NatGatewayMalformed, NatGatewayNotFound. */
export function findNatGateway(store: Store, scope: Scope, id: string | undefined): NatGatewayRecord {
  return findOne('nat', id ?? '', (known) => store.natGateways.get(scope, known))
}

/** The packets follow the record: what was pending is available, what was being deleted is gone. */
export function settleNatGateway(store: Store, id: string, now: Date): void {
  const gateway = store.natGateways.find(id)
  if (gateway?.state === 'pending') store.natGateways.replace({ ...gateway, state: 'available' })
  if (gateway?.state === 'deleting') {
    store.natGateways.replace({ ...gateway, state: 'deleted', deleteTime: now.toISOString() })
  }
}

/** Settles what an earlier daemon left between two states, and forgets what was deleted or failed long ago. */
export function tidyNatGateways(store: Store, now: Date): void {
  for (const { id, state, deleteTime } of store.natGateways.listAll()) {
    if (state === 'pending' || state === 'deleting') settleNatGateway(store, id, now)
    if (deleteTime === undefined || now.getTime() - new Date(deleteTime).getTime() < retentionMs) continue
    store.natGateways.remove(id)
    store.tags.removeAll(id)
  }
}
