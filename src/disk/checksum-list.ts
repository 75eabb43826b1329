import type { Checksum } from '../ec2/ports/disk.ts'

/** A line of a publisher's list; `file` is absent where the list is a bare digest. */
export interface PublishedChecksum {
  readonly file?: string
  readonly checksum: Checksum
}

const gnuLine = /^\\?([0-9a-f]{64}|[0-9a-f]{128})(?: [ *]?|\t)(\S.*)$/i
const bsdLine = /^(SHA256|SHA512) ?\((.+)\) ?= ?([0-9a-f]+)$/i
const bareLine = /^([0-9a-f]{64}|[0-9a-f]{128})$/i

/**
 * Reads what publishers call SHA256SUMS, SHA512SUMS, CHECKSUM, .sha256 or .sha512: lines of sha256sum (`HEX  file`, `HEX *file`), of BSD
 * (`SHA256 (file) = HEX`), or a digest alone. Everything else is passed over, such as comments, other algorithms and the armour of
 * a clear-signed list; the signature is not verified, the list is trusted as far as the HTTPS connection it came by.
 */
export function parseChecksumList(text: string): readonly PublishedChecksum[] {
  return text.split(/\r?\n/).flatMap((line): PublishedChecksum[] => {
    // A clear-signed text puts "- " before lines that start with a dash (RFC 9580, 7.2).
    const content = line.replace(/^- /, '').trim()
    const bsd = bsdLine.exec(content)
    if (bsd) return entryOf(bsd[3], bsd[2], bsd[1])
    const gnu = gnuLine.exec(content)
    if (gnu) return entryOf(gnu[1], gnu[2])
    return entryOf(bareLine.exec(content)?.[1], undefined)
  })
}

/**
 * The entry of the list for a file, whose name may hold one `*`: then the last match in the order of version numbers.
 * A list with a single entry belongs to the file whatever it calls it, if it `isOfOneFile`: openSUSE's `….qcow2.sha256` names the
 * build that the link stood for. Undefined when there is none.
 */
export function findChecksum(
  list: readonly PublishedChecksum[],
  file: string,
  isOfOneFile: boolean,
): { file: string; checksum: Checksum } | undefined {
  const [before = '', after] = file.split('*')
  const matches = list
    .map((entry) => ({ ...entry, file: entry.file?.replace(/^.*\//, '') }))
    .filter((entry): entry is { file: string; checksum: Checksum } => {
      if (entry.file === undefined) return false
      if (after === undefined) return entry.file === file
      return (
        entry.file.length >= before.length + after.length && entry.file.startsWith(before) && entry.file.endsWith(after)
      )
    })
    .sort((one, other) => one.file.localeCompare(other.file, 'en', { numeric: true }))
  const found = matches.at(-1)
  if (found) return found
  const [only] = list
  if (isOfOneFile && list.length === 1 && only && after === undefined) return { file, checksum: only.checksum }
  return undefined
}

function entryOf(value: string | undefined, file: string | undefined, label?: string): PublishedChecksum[] {
  if (value === undefined) return []
  const algorithm = value.length === 64 ? 'sha256' : value.length === 128 ? 'sha512' : undefined
  // A label that does not fit its digest is a damaged line.
  if (!algorithm || (label && label.toLowerCase() !== algorithm)) return []
  return [{ ...(file === undefined ? {} : { file }), checksum: { algorithm, value: value.toLowerCase() } }]
}
