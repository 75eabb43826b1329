import type { ResourceRecord } from '../ports/store.ts'

/** An immutable qcow2 file under `layers/ID/`. `pending` until its file is in place: recovery removes those. */
export interface LayerRecord extends ResourceRecord {
  readonly state: 'pending' | 'available' | 'deleting'
  readonly sha256?: string
  readonly virtualSizeBytes?: number
  readonly fileSizeBytes?: number
  readonly parentId?: string
  readonly createdAt: string
}
