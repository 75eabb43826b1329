import type { WorkOptions } from './work.ts'

/** What the domain asks of disks: qcow2 files, their layers, and foreign images on their way in. Implemented by src/disk/. */

/** A checksum that must match what was downloaded. */
export interface Checksum {
  readonly algorithm: 'sha256' | 'sha512'
  /** Lower-case hexadecimal. */
  readonly value: string
}

/** A finished, immutable layer: `directory`/disk.qcow2, mode 0444, on disk for good. */
export interface LayerFile {
  readonly path: string
  readonly virtualSizeBytes: number
  readonly fileSizeBytes: number
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string
}

/** What a disk can be written as: qemu-img's formats, and the OVA of virtualisation programs (DMTF DSP0243). */
export const exportFormats = ['qcow2', 'raw', 'vmdk', 'vhd', 'vhdx', 'ova'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportRequest {
  /** A qcow2 of Kiln's own; what it stands on is written too. */
  readonly path: string
  readonly format: ExportFormat
  /** An absolute path; a file that is there is replaced when the new one is whole. */
  readonly destination: string
  /** Of qcow2 only: smaller, with clusters in zstd (QEMU 5.1 and later read it). */
  readonly isCompressed?: boolean
  /** What an OVA calls the machine; the file's name when absent. */
  readonly name?: string
  /** The key of the disk, where it is encrypted, and those of all that it stands on: what is written is not. */
  readonly keyId?: string | undefined
  readonly chainKeyIds?: readonly string[]
}

/**
 * Downloads, going on from what an earlier call left, and resolves with the path of the whole file; it is there until the `use` that was
 * given this has ended. Rejects with DownloadFailed, ChecksumMismatch or InsufficientDiskSpace.
 */
export type FetchDownload = (checksum: Checksum | undefined) => Promise<string>

/** What a download may need besides its address. */
export interface DownloadOptions {
  /** Where the server wants to know who asks. */
  readonly fetch?: typeof fetch
  /** How long the file is: a longer one is refused as it comes. */
  readonly sizeBytes?: number
}

/**
 * An open layer as a blob: the bytes of its file, but for the head, which names no file of this host, so that the digest is the same on
 * every host (docs/adr/a-layer-travels-without-names.md). It stays what it is when the file is replaced or deleted meanwhile.
 */
export interface LayerBlob {
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  /** The file that the layer stands on here. */
  readonly backingPath?: string
  /** Another one when the file is another. */
  readonly mark: string
  read(offset: number, length: number): Promise<Buffer>
  /** `sha256:HEX`. */
  digest(signal: AbortSignal, onBytes: (doneBytes: number) => void): Promise<string>
  close(): Promise<void>
}

/** What is known of a disk that is imported, and what it is to be. */
export interface ImportHow {
  /** What the caller says that the file is: another format is refused. */
  readonly claim?: ExportFormat | undefined
  /** The layer is encrypted by that key, which is made unless it is there. */
  readonly keyId?: string | undefined
}

/** A foreign file that may hold several disks. */
export interface ImportLayersRequest {
  readonly source: string
  /** Private and empty, for what is unpacked; on the layers' file system. Its owner deletes it. */
  readonly directory: string
  readonly claim?: ExportFormat | undefined
  /** More are refused. */
  readonly maximumDisks: number
  /** Where the layer of a disk goes, and the key that it is encrypted by; asked for right before it is made. */
  placeOf(index: number): { readonly directory: string; readonly keyId?: string | undefined }
}

/** A layer to be encrypted, or encrypted by another key. */
export interface EncryptLayerRequest {
  readonly source: { readonly path: string; readonly keyId?: string }
  /** The keys of all that the source is made of. */
  readonly chainKeyIds: readonly string[]
  /** What its files take together. */
  readonly chainBytes: number
  readonly directory: string
  readonly keyId: string
}

export interface DiskHost {
  /**
   * An empty writable qcow2 over `backingPath` (also qcow2, and encrypted when it has a key), or over nothing. At least as large as its
   * backing file. With a `keyId` it is encrypted by that key, which is made unless it is there.
   */
  createVolumeDisk(request: {
    path: string
    backingPath?: string
    backingKeyId?: string
    sizeBytes: number
    keyId?: string
  }): Promise<void>
  /**
   * Gives back the clusters that a killed QEMU had taken and not used yet, in the qcow2 of a volume that no machine has. The data are
   * untouched. Rejects when that takes too long or the tables are damaged otherwise; what a snapshot shares is left as it is.
   */
  repairLeaks(request: { path: string; keyId?: string }): Promise<void>
  /** Makes the qcow2 of a volume that no machine has larger. */
  growVolumeDisk(request: { path: string; sizeBytes: number; keyId?: string }): Promise<void>
  /**
   * Puts a volume's present file into `layerDirectory` too (a hard link: nothing is copied) and makes `overlayPath`, an empty qcow2 over
   * it of the same size, all on disk for good; the volume is as before until somebody writes to the overlay. An overlay that is there from
   * an earlier try is kept when `keepsOverlay`, for a machine may have written to it; answers the virtual size in bytes.
   */
  prepareFreeze(request: {
    volumePath: string
    layerDirectory: string
    overlayPath: string
    keepsOverlay: boolean
    /** Of an encrypted volume: the overlay is encrypted by it too. */
    keyId?: string
  }): Promise<number>
  /**
   * Writes what a layer reads as, with all that it stands on, into a new layer in `directory` that is encrypted by a key, which is made
   * unless it is there. Leaves `directory` absent on failure or abort.
   */
  encryptLayer(request: EncryptLayerRequest, work: WorkOptions): Promise<LayerFile>
  /** Makes a frozen file in `directory` immutable and durable. */
  secureLayer(directory: string): Promise<Omit<LayerFile, 'sha256'>>
  /**
   * Makes `destination`, a finished layer file of the same content as the layer at `path` that stands on `basePath`, one of the files of
   * its chain, alone: it holds what differs from that. Compared before it resolves, at low priority. Rejects with InsufficientDiskSpace
   * when the file system may not have the room; leaves nothing on failure or abort.
   */
  flattenLayer(
    request: {
      path: string
      /** The keys of the layer and of the base, where they are encrypted, and all of the chain's. */
      keyId?: string
      basePath: string
      baseKeyId?: string
      chainKeyIds: readonly string[]
      destination: string
    },
    work: WorkOptions,
  ): Promise<LayerFile>
  /**
   * Reads a finished layer file and its tables: its digest, or the fault that keeps it from being read. Rejects when that cannot be told,
   * as when it is aborted.
   */
  checkLayer(
    request: { path: string; keyId?: string },
    work: WorkOptions,
  ): Promise<{ readonly sha256?: string; readonly fault?: string }>
  /** Puts a finished layer file in the place of another, whole at any instant, on disk for good. */
  replaceLayer(path: string, replacement: string): Promise<void>
  /** The file that a qcow2 of our own says to stand on; undefined when on none. */
  readBackingPath(path: string): Promise<string | undefined>
  /**
   * Brings a foreign image file (qcow2, raw, vmdk, vhd, vhdx, an ova of one disk; each also gz, xz or zst) into `directory` as a layer.
   * The file is hostile until proven harmless: explicit format, limits on time, memory and size; backing files, external data
   * files and extents outside are refused, as is what is of another format than was claimed. Rejects with Ec2Error `InvalidDiskImage` saying what is wrong, or with
   * `InsufficientDiskSpace`. Leaves `directory` absent on failure or abort. Works in `directory`'s parent (same file system) and moves into place.
   */
  importLayer(source: string, directory: string, work: WorkOptions, how?: ImportHow): Promise<LayerFile>
  /** As importLayer, of each disk of the file: an OVA may have several, and the root comes first. All or nothing is made. */
  importLayers(request: ImportLayersRequest, work: WorkOptions): Promise<readonly LayerFile[]>
  /**
   * Writes a disk, with all that it stands on, into one flat file that needs no other: raw is sparse, VMDK is streamOptimized, VHD and VHDX
   * are dynamic. The disk must not be written to meanwhile. Resolves with the size of the file, which is on disk for good then. Rejects with
   * InvalidParameterValue when the destination cannot be written, with InsufficientDiskSpace, with UnsupportedOperation for a disk that
   * is too large for the format; nothing is left then.
   */
  exportDisk(request: ExportRequest, work: WorkOptions): Promise<{ sizeBytes: number }>
  /** Deletes what an export to that destination left when the daemon was killed. To be called while none runs. */
  removeInterruptedExport(destination: string): Promise<void>
  /**
   * Lets `use` alone have what is kept of a download: others for the same address wait for their turn. What has come is deleted when
   * `use` resolves, kept for a later call when it rejects.
   */
  withDownload<T>(
    url: string,
    work: WorkOptions,
    use: (fetch: FetchDownload) => Promise<T>,
    options?: DownloadOptions,
  ): Promise<T>
  /** Opens a layer's file to be sent elsewhere. Rejects with ENOENT, and with InvalidDiskImage for one that cannot be (encrypted). */
  openLayerBlob(path: string): Promise<LayerBlob>
  /**
   * Makes a layer in `directory` of a blob that came from elsewhere, to stand on `backingPath` or on nothing. The blob is hostile until
   * proven harmless: its head has to be what `openLayerBlob` gives, its disk as large as its image says, its tables sound. It is moved, or
   * copied when `keepsBlob`. Rejects with InvalidDiskImage; leaves `directory` absent then.
   */
  adoptBlob(
    request: {
      blobPath: string
      keepsBlob?: boolean
      directory: string
      backingPath?: string
      virtualSizeBytes: number
    },
    work: WorkOptions,
  ): Promise<LayerFile>
  /** The digest of a file in lower-case hexadecimal. */
  digest(path: string, algorithm: Checksum['algorithm'], signal?: AbortSignal): Promise<string>
  /** Bytes that a file really takes on the host. */
  allocatedBytes(path: string): Promise<number>
  /** Bytes free for an ordinary user on the file system of `path`. */
  freeBytes(path: string): Promise<number>
  /**
   * Deletes what imports into directories of `parent` left there when the daemon was killed, and downloads that nobody has gone on with
   * for a week. To be called at the daemon's start, while neither runs.
   */
  removeInterrupted(parent: string): Promise<void>
}
