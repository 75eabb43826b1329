import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'

/** A way from a VPC to the internet; a VPC has at most one. */
export interface InternetGatewayRecord extends ResourceRecord {
  /** Where it is attached. */
  readonly vpcId?: string
}

/** The caller's gateway of that id. Throws InvalidInternetGatewayId.Malformed, InvalidInternetGatewayID.NotFound. */
export function findInternetGateway(store: Store, scope: Scope, id: string | undefined): InternetGatewayRecord {
  return findOne('igw', id ?? '', (known) => store.internetGateways.get(scope, known))
}
