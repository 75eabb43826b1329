import type { ResourceRecord } from '../ports/store.ts'

/** Long work on an image: building, pulling, importing. Progress is kept in memory only. */
export interface TaskRecord extends ResourceRecord {
  readonly kind: 'build-image' | 'pull-image' | 'import-image'
  readonly subject: string
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  readonly imageId?: string
  readonly note?: string
  readonly error?: { readonly code: string; readonly message: string }
  readonly startedAt: string
  readonly endedAt?: string
}

/** What became of a task that succeeded. */
export interface TaskResult {
  readonly imageId: string
  /** What a person should know of it, such as that the image was there already. */
  readonly note?: string
}
