import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface FollowOptions {
  /** Where to begin, in bytes. */
  readonly from: number
  /** Go on with what is appended; once aborted, end with what is there then. When absent: what is there now. */
  readonly until?: AbortSignal | undefined
}

const chunkBytes = 64 * 1024
/** The kernel tells of each change; this is for file systems that do not (inotify(7), network file systems). */
const pollIntervalMs = 1000
const openIntervalMs = 100
const newline = 0x0a

/**
 * Reads a file that another process appends to. The file itself is the buffer: a slow reader costs no memory and misses nothing. One
 * that was cut short is read again from its beginning. An absent one is waited for when it is followed, and one that goes is the end.
 */
export async function* followFile(path: string, { from, until }: FollowOptions): AsyncGenerator<Buffer> {
  const file = await openFile(path, until)
  if (!file) return
  const changes = until && watchFile(path, until)
  let position = from
  try {
    for (;;) {
      const isLastLook = until?.aborted ?? true
      const chunk = await readAt(file, position)
      if (chunk.length > 0) {
        position += chunk.length
        yield chunk
        continue
      }
      const { size, nlink } = await file.stat()
      if (size < position) position = 0
      else if (isLastLook || nlink === 0) return
      else await changes?.next()
    }
  } finally {
    changes?.close()
    await file.close()
  }
}

async function openFile(path: string, until: AbortSignal | undefined): Promise<FileHandle | undefined> {
  for (;;) {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return undefined
    })
    if (file || (until?.aborted ?? true)) return file
    await sleep(openIntervalMs, undefined, { signal: until }).catch(() => undefined)
  }
}

async function readAt(file: FileHandle, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
  return buffer.subarray(0, bytesRead)
}

/** Tells of changes; one that comes while nobody waits is remembered, so that none is slept through. */
function watchFile(path: string, signal: AbortSignal): { next(): Promise<void>; close(): void } {
  let hasChanged = true
  let wake = () => {}
  const note = () => {
    hasChanged = true
    wake()
  }
  const watcher = openWatcher(path, note)
  const timer = setInterval(note, pollIntervalMs)
  signal.addEventListener('abort', note, { once: true })
  return {
    next: async () => {
      if (!hasChanged) await new Promise<void>((resolve) => (wake = resolve))
      hasChanged = false
    },
    close: () => {
      signal.removeEventListener('abort', note)
      clearInterval(timer)
      watcher?.close()
    },
  }
}

/** Undefined when the user has no watches left (inotify(7)): then there is the poll. */
function openWatcher(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(path, onChange).on('error', () => undefined)
  } catch {
    return undefined
  }
}

/** Where the last `lines` lines of a file begin, at most `maximumBytes` before its end; 0 when it is absent. */
export async function findTail(path: string, lines: number, maximumBytes = Number.MAX_SAFE_INTEGER): Promise<number> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return 0
  try {
    const { size } = await file.stat()
    if (lines === 0) return size
    let wanted = lines
    const earliest = Math.max(0, size - maximumBytes)
    for (let end = size; end > earliest; end -= chunkBytes) {
      const start = Math.max(earliest, end - chunkBytes)
      const chunk = (await readAt(file, start)).subarray(0, end - start)
      for (let index = chunk.length - 1; index >= 0; index--) {
        // The newline that ends the file begins no line.
        const isLineEnd = chunk[index] === newline && start + index < size - 1
        if (isLineEnd && --wanted === 0) return start + index + 1
      }
    }
    return earliest
  } finally {
    await file.close()
  }
}
