import type { ResourceRecord } from '../ports/store.ts'

/** Long work on an image: building, pulling, importing. Progress is kept in memory only. */
export interface TaskRecord extends ResourceRecord {
  readonly kind: 'build-image' | 'import-image'
  readonly subject: string
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  readonly imageId?: string
  readonly error?: { readonly code: string; readonly message: string }
  readonly startedAt: string
  readonly endedAt?: string
}
