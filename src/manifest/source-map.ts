import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml'
import { formatPath, ManifestError, type Problem } from './problem.ts'

/** Knows where in the text each value of a manifest stands. */
export interface SourceMap {
  /** One error that tells all the problems, in the order of the text. */
  errorOf(problems: readonly Problem[]): ManifestError
}

/** `file` is how the messages call the manifest. */
export function createSourceMap(file: string, document: Document, lines: LineCounter): SourceMap {
  /** Offset of a scalar itself, of the key of anything bigger, of the nearest thing around what is not there. */
  function offsetOf({ path, isOfKey }: Problem): number {
    let offset = 0
    let node = resolve(document.contents)
    for (const [index, part] of path.entries()) {
      const isLast = index === path.length - 1
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find(({ key }) => keyOf(key) === String(part))
        if (!pair) return offset
        offset = startOf(pair.key) ?? offset
        node = resolve(pair.value)
        if (isLast && isScalar(node) && !isOfKey) return isEmpty(node) ? offset : (startOf(pair.value) ?? offset)
      } else if (isSeq(node)) {
        const item = node.items[Number(part)]
        if (item === undefined) return offset
        offset = startOf(item) ?? offset
        node = resolve(item)
      } else return offset
    }
    return offset
  }

  /** What an alias stands for. */
  function resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(document) : node
  }

  return {
    errorOf: (problems) => {
      const placed = problems.map((problem) => ({ ...problem, offset: offsetOf(problem) }))
      placed.sort((a, b) => a.offset - b.offset)
      const told = placed.map(({ path, message, offset }) => {
        const { line, col } = lines.linePos(offset)
        const subject = path.length > 0 ? `${formatPath(path)}: ` : ''
        return `${file}:${line}:${col}: ${subject}${message}`
      })
      return new ManifestError([...new Set(told)].join('\n'))
    },
  }
}

function keyOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function isEmpty(node: { value: unknown; source?: string | undefined }): boolean {
  return node.value === null && (node.source ?? '') === ''
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}
