import type { ResourceRecord } from '../ports/store.ts'

/** An elastic address: a public address that stays the account's until it is released. Its id is the allocation id. */
export interface AddressRecord extends ResourceRecord {
  readonly publicIp: string
  /** The name that a reverse look-up shall give; kept and told. */
  readonly domainName?: string
  readonly association?: AddressAssociation
}

/** Whom an elastic address stands for. */
export interface AddressAssociation {
  /** `eipassoc-…` */
  readonly id: string
  readonly interfaceId: string
  readonly privateIp: string
}
