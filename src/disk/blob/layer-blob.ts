import { markOf } from '../../host/file-mark.ts'
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { LayerBlob } from '../../ec2/ports/disk.ts'
import { largestHeadBytes, type LayerHead, readLayerHead } from './canonical-head.ts'

const pieceBytes = 4 * 1024 ** 2

/** As DiskHost.openLayerBlob. */
export async function openLayerBlob(path: string, maximumVirtualBytes: number): Promise<LayerBlob> {
  const file = await open(path, 'r')
  try {
    const stats = await file.stat()
    const { size } = stats
    const head = await readHead(file, size, maximumVirtualBytes)
    const read = async (offset: number, length: number): Promise<Buffer> => readCanonical(file, head, offset, length)
    return {
      sizeBytes: size,
      mark: markOf(stats),
      virtualSizeBytes: head.virtualSizeBytes,
      ...(head.backingPath === undefined ? {} : { backingPath: head.backingPath }),
      read,
      digest: async (signal, onBytes) => {
        const hash = createHash('sha256')
        for (let offset = 0; offset < size; offset += pieceBytes) {
          signal.throwIfAborted()
          hash.update(await read(offset, Math.min(pieceBytes, size - offset)))
          onBytes(Math.min(offset + pieceBytes, size))
        }
        return `sha256:${hash.digest('hex')}`
      },
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The head of a file that is open. Throws as `readLayerHead`. */
export async function readHead(file: FileHandle, sizeBytes: number, maximumVirtualBytes: number): Promise<LayerHead> {
  const start = Buffer.alloc(Math.min(largestHeadBytes, sizeBytes))
  await file.read(start, 0, start.length, 0)
  return readLayerHead(start, sizeBytes, maximumVirtualBytes)
}

async function readCanonical(file: FileHandle, { canonical }: LayerHead, offset: number, length: number) {
  const piece = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(piece, done, length - done, offset + done)
    if (bytesRead === 0) throw new Error('a layer became shorter while it was read')
    done += bytesRead
  }
  if (offset < canonical.length) canonical.copy(piece, 0, offset)
  return piece
}
