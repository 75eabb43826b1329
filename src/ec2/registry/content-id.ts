import { createHash } from 'node:crypto'

/** The digest of some bytes as registries write it. */
export function digestOf(content: Buffer | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/**
 * What a layer holds with all that it stands on: the ChainID of the OCI Image Specification ("Layer ChainID"), over blobs. A layer keeps it
 * when its file is replaced by one of equal content.
 */
export function contentIdOf(parentContentId: string | undefined, digest: string): string {
  return parentContentId === undefined ? digest : digestOf(`${parentContentId} ${digest}`)
}
