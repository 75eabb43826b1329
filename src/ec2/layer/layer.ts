import type { ResourceRecord } from '../ports/store.ts'

/**
 * An immutable qcow2 file under `layers/ID/`. `pending` until its file is in place: recovery removes those, but for those of volumes,
 * which are intents to freeze. `frozen` when a volume's overlay has become it and its digest is still to be made: others stand on it already.
 */
export interface LayerRecord extends ResourceRecord {
  readonly state: 'pending' | 'frozen' | 'available' | 'deleting'
  readonly sha256?: string
  readonly virtualSizeBytes?: number
  readonly fileSizeBytes?: number
  readonly parentId?: string
  /** The volume whose overlay it was, or is to be. */
  readonly source?: LayerSource
  readonly createdAt: string
}

export interface LayerSource {
  readonly volumeId: string
  /** Volumes of one set are frozen at one instant. */
  readonly setId: string
  /** The overlay's file in the volume's directory, once it is frozen: it goes from there. */
  readonly overlay?: string
}
