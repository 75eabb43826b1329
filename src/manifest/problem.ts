/** A mistake in a manifest and where it is. */
export interface Problem {
  /** `instances.web.image`; empty for the document as a whole. */
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** It is the key that is wrong, not what it holds. */
  readonly isOfKey?: boolean
}

/** A manifest that cannot be used; nothing was made. The message has a line a mistake: `lab.yaml:12:7: instances.web.image: …`. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
}

/** `instances.web.dependsOn[0]` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('')
}
