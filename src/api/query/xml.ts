/** The first line of every answer. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** What most texts are made of, and needs no escaping. */
const plain = /^[ !#-%(-;=?-~]*$/

/**
 * Escapes a text for an element's content. Line ends are escaped too, since a parser would turn CR LF into LF; what XML 1.0 cannot
 * hold at all (a guest may print anything) becomes U+FFFD.
 */
export function escapeXml(text: string): string {
  if (plain.test(text)) return text
  return text
    .replace(/[^\P{Cc}\t\n\r\x7f-\x9f]|[\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"'\r\n]/g, (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`)
}

/** An element with already written content. */
export function writeElement(name: string, content: string): string {
  return content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`
}
