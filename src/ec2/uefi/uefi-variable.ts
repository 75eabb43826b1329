/** A variable that UEFI firmware keeps. */
export interface UefiVariable {
  readonly name: string
  /** The 16 bytes of its vendor's GUID as they are stored, hexadecimal. */
  readonly vendor: string
  /** EFI_VARIABLE_…, UEFI specification 8.2. */
  readonly attributes: number
  /** Base64. */
  readonly data: string
  /** The 16 bytes of its EFI_TIME, hexadecimal; only of variables with time-based authentication. */
  readonly timestamp?: string
}

/** EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS */
export const timeBasedAuthentication = 0x20
