/** A section of an INI file as AWS tools read it: from its header to its last setting. */
interface Section {
  /** Offsets into the text; `end` is after the line end of the last setting. */
  readonly start: number
  readonly end: number
}

/** The text of a section with its header; undefined when the file has none of that name. */
export function readSection(text: string, name: string): string | undefined {
  const section = findSection(text, name)
  return section && text.slice(section.start, section.end)
}

/** How a section is written. */
export function renderSection(name: string, settings: Readonly<Record<string, string>>, lineEnd = '\n'): string {
  return [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${value}`), ''].join(lineEnd)
}

/**
 * The text with that section in place of the one of its name, or at the end. Everything else stays byte for byte, line ends and
 * comments included; those after the last setting of the old section belong to what follows.
 */
export function putSection(text: string, name: string, settings: Readonly<Record<string, string>>): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  const written = renderSection(name, settings, lineEnd)
  const section = findSection(text, name)
  if (section) return text.slice(0, section.start) + written + text.slice(section.end)
  if (text === '') return written
  const gap = text.endsWith('\n') ? lineEnd : lineEnd + lineEnd
  return text + gap + written
}

function findSection(text: string, name: string): Section | undefined {
  let start: number | undefined
  let end = 0
  for (const { 0: line, index } of text.matchAll(/[^\n]*\n|[^\n]+$/g)) {
    const header = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1]
    if (header !== undefined) {
      if (start !== undefined) break
      if (header.replaceAll(/\s+/g, ' ') !== name) continue
      start = index
      end = index + line.length
    } else if (start !== undefined && !/^\s*([#;].*)?$/.test(line.trimEnd())) end = index + line.length
  }
  return start === undefined ? undefined : { start, end }
}
