/** Where a machine stood still, for another one of the same shape to go on. */

/** Where a machine's memory and devices are kept while it does not run. */
export interface StateFile {
  readonly path: string
  /** 32 bytes; absent: it is not encrypted. */
  readonly key?: Buffer
}

/** What a state file was when it was saved: another one is not loaded. */
export interface SavedState {
  readonly sizeBytes: number
  /** Of the file, hexadecimal. */
  readonly sha256: string
  /** Of an encrypted one (AES-256-GCM), hexadecimal. */
  readonly nonce?: string
  readonly authenticationTag?: string
}

/** A machine that is to go on where an earlier one of the same shape stood still. */
export interface Resumption {
  readonly file: StateFile
  readonly saved: SavedState
  /** Everything is loaded and nothing runs yet: the last moment to see to it that it never is a second time. */
  readonly onLoaded?: () => Promise<void>
  /** It is left as it is then, paused, until `resume`. */
  readonly isHeld?: boolean
}

/** A machine could not go on where an earlier one stood still; nothing of it has run. */
export class StateNotLoaded extends Error {
  override readonly name = 'StateNotLoaded'
}
