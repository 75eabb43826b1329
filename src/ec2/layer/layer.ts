import type { ResourceRecord } from '../ports/store.ts'

/**
 * An immutable qcow2 file under `layers/ID/`. `pending` until its file is in place: recovery removes those, but for those of volumes,
 * which are intents to freeze, and encrypted copies. `frozen` when a volume's overlay has become it and its digest is still to be made: others stand on it already.
 */
export interface LayerRecord extends ResourceRecord {
  readonly state: 'pending' | 'frozen' | 'available' | 'deleting'
  readonly sha256?: string
  readonly virtualSizeBytes?: number
  readonly fileSizeBytes?: number
  readonly parentId?: string
  /** The key in the keyring that its file is encrypted by; what it stands on may have another, or none. */
  readonly encryptionKeyId?: string
  /** The volume whose overlay it was, or is to be. */
  readonly source?: LayerSource
  /** Its file is being replaced by one that stands on a nearer ancestor, or has just been (layer-flattener.ts). */
  readonly flattening?: LayerFlattening
  /** Its file is not as it was (layer-check.ts): nothing is made of it any more. */
  readonly damage?: { readonly foundAt: string; readonly reason: string }
  /** The layer that it is to become an encrypted copy of, while it is pending. */
  readonly copyOf?: string
  readonly createdAt: string
  /** Its file as registries know it (src/ec2/registry/); of another file, when that has another mark by now. */
  readonly blob?: { readonly mark: string; readonly digest: string }
  /** What it holds with all that it stands on, as images in registries name it: it holds that also when its file was replaced. */
  readonly contentIds?: readonly string[]
  /** Repositories that have had its blob, as `host/path`. */
  readonly repositories?: readonly string[]
}

/**
 * `making`: the new file is written beside the old one. `made`: it is whole, and takes the old one's name. `replaced`: it has; what the old
 * file stood on stays for those who have just opened that.
 */
export interface LayerFlattening {
  readonly state: 'making' | 'made' | 'replaced'
  /** The ancestor that the new file stands on. */
  readonly baseId: string
  /** What the old file stands on. */
  readonly formerParentId: string
  /** Of the new file, once it is made. */
  readonly sha256?: string
  readonly fileSizeBytes?: number
}

export interface LayerSource {
  readonly volumeId: string
  /** Volumes of one set are frozen at one instant. */
  readonly setId: string
  /** The overlay's file in the volume's directory, once it is frozen: it goes from there. */
  readonly overlay?: string
}
