/** What the domain asks of registries: OCI Distribution Specification 1.1. Implemented by src/oci/. */

/** A repository in a registry. */
export interface Repository {
  /** With its port, where it has one. */
  readonly host: string
  /** `team/web`. */
  readonly path: string
}

/** A manifest of a repository, by its tag or its digest. */
export interface ManifestPlace extends Repository {
  readonly reference: string
}

/** A descriptor's part that says what the bytes have to be. */
export interface BlobSize {
  /** `sha256:HEX`. */
  readonly digest: string
  readonly sizeBytes: number
}

/** Bytes to be sent, in the pieces that the sender asks for. */
export interface BlobSource extends BlobSize {
  read(offset: number, length: number): Promise<Buffer>
}

/** A manifest as it is stored. */
export interface StoredManifest {
  readonly content: Buffer
  readonly digest: string
}

/** Who asks a registry. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

/**
 * Registries over HTTP. All reject with Ec2Error: RegistryUnreachable, RegistryAccessDenied, RegistryRefused (whatever else it answers),
 * RegistryContentInvalid (bytes that do not have their digest, or are too many).
 */
export interface RegistryHost {
  /** Undefined when there is none. Its digest is made of its bytes, and is the one that was asked for where one was. */
  readManifest(place: ManifestPlace, signal: AbortSignal): Promise<StoredManifest | undefined>
  /** A small blob, whole, verified. */
  readBlob(repository: Repository, blob: BlobSize, signal: AbortSignal): Promise<Buffer>
  /** Where a large blob is to be downloaded, and how. */
  locateBlob(repository: Repository, digest: string): { readonly url: string; readonly fetch: typeof fetch }
  /**
   * Brings a blob into a repository unless it is there; from another repository of the registry without a byte, where it is in one of
   * `mountFrom` and the registry can. Goes on from what an earlier call left, also one of an earlier daemon, where the registry still
   * has that. `onSent` is told of each byte that went over the line, those that went twice included.
   */
  putBlob(
    repository: Repository,
    blob: BlobSource,
    mountFrom: readonly string[],
    work: { readonly signal: AbortSignal; readonly onSent: (bytes: number) => void },
  ): Promise<'present' | 'mounted' | 'uploaded'>
  putManifest(place: ManifestPlace, mediaType: string, content: Buffer, signal: AbortSignal): Promise<void>
  /** By its digest. False when the registry deletes nothing. */
  deleteManifest(place: ManifestPlace, signal: AbortSignal): Promise<boolean>
  /** Empty when there is no such repository. */
  listTags(repository: Repository, signal: AbortSignal): Promise<readonly string[]>
  /** Asks the registry with these, and keeps them when it lets them in. */
  login(host: string, login: RegistryLogin, signal: AbortSignal): Promise<void>
  /** False when there was nothing to forget. */
  logout(host: string): Promise<boolean>
}
