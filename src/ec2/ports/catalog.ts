import type { Checksum } from './disk.ts'
import type { Architecture } from './accelerator.ts'

/** An image of the Quick Start catalogue, images/catalog.yaml. */
export interface CatalogEntry {
  readonly name: string
  readonly description: string
  readonly architecture: Architecture
  /** As the catalogue has it: a `*` in its last part stands for a version that only the publisher's checksum list tells. */
  readonly url: string
  readonly loginUser: string
}

/** Where to download an image right now, and the digest its publisher gives it. */
export interface CatalogImage {
  readonly entry: CatalogEntry
  readonly url: string
  readonly checksum: Checksum
}

/** The official cloud images by name. Implemented by src/disk/. */
export interface Catalog {
  /** In the catalogue's order. */
  list(): readonly CatalogEntry[]
  /**
   * The entry of a name; where it is of another architecture than the one that is asked for, that of `NAME-ARCHITECTURE`. Throws
   * InvalidParameterValue (parameter CatalogName) when the catalogue has none.
   */
  find(name: string, architecture?: Architecture): CatalogEntry
  /**
   * Reads the publisher's checksum list over the network. Rejects as `find` throws, and with DownloadFailed when the list cannot be
   * had or does not name the image.
   */
  locate(name: string, signal: AbortSignal): Promise<CatalogImage>
}
