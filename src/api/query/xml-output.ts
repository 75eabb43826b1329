/** XML that grows piece by piece and becomes bytes on the way: a long answer is never one long text, which would cost twice its size. */
export interface XmlOutput {
  write(text: string): void
  /** All that was written; nothing may be written afterwards. */
  finish(): Buffer
}

const chunkCharacters = 16 * 1024

/** An empty output. */
export function createXmlOutput(): XmlOutput {
  const chunks: Buffer[] = []
  let text = ''
  return {
    write: (piece) => {
      text += piece
      if (text.length < chunkCharacters) return
      chunks.push(Buffer.from(text))
      text = ''
    },
    finish: () => {
      chunks.push(Buffer.from(text))
      return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
    },
  }
}
