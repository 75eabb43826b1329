/** Progress of long work; `doneBytes` of `totalBytes` when a size is known. */
export interface Progress {
  /** What is being done, for a person: `Downloading`, `Converting`, `Verifying`. */
  readonly stage: string
  readonly doneBytes?: number
  readonly totalBytes?: number
  /** The last line that a tool printed. */
  readonly detail?: string
  /** Which disk it is about, where a file may hold several. */
  readonly disk?: DiskProgress
}

/** How far the work on one of several disks has come. */
export interface DiskProgress {
  readonly index: number
  /** Virtual, in bytes, of all of them. */
  readonly sizes: readonly number[]
  /** Of this one's. */
  readonly doneBytes: number
}

export interface WorkOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}
