import { escapeXml } from './xml.ts'

/** XML that becomes bytes piece by piece: a long answer is never one long text, nor a heap of short ones that must be thrown away. */
export interface XmlOutput {
  /** Tags, encoded once for all. */
  markup(bytes: Uint8Array): void
  /** The content of an element; escapes what needs it. */
  text(content: string): void
  /** All that was written, piece after piece; nothing may be written afterwards. */
  finish(): Buffer[]
}

const firstChunkBytes = 8 * 1024
const largestChunkBytes = 32 * 1024

/** Whether a character is a byte by itself and needs no escaping; by its code. */
const isPlain = Uint8Array.from({ length: 128 }, (_, code) =>
  code >= 0x20 && code < 0x7f && !'&<>"\''.includes(String.fromCharCode(code)) ? 1 : 0,
)

/** An empty output. */
export function createXmlOutput(): XmlOutput {
  const full: Buffer[] = []
  let chunk = Buffer.allocUnsafeSlow(firstChunkBytes)
  let end = 0

  function reserve(bytes: number): void {
    if (chunk.length - end >= bytes) return
    full.push(chunk.subarray(0, end))
    chunk = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(chunk.length * 2, largestChunkBytes)))
    end = 0
  }
  function append(bytes: Uint8Array): void {
    reserve(bytes.length)
    chunk.set(bytes, end)
    end += bytes.length
  }
  return {
    // Byte by byte: for pieces as short as these, every call that leaves JavaScript costs more (Node 20).
    markup: (bytes) => {
      reserve(bytes.length)
      const into = chunk
      let at = end
      for (let index = 0; index < bytes.length; index++) into[at++] = bytes[index] as number
      end = at
    },
    text: (content) => {
      reserve(content.length)
      const into = chunk
      let at = end
      for (let index = 0; index < content.length; index++) {
        const code = content.charCodeAt(index)
        if (isPlain[code] !== 1) {
          append(Buffer.from(escapeXml(content)))
          return
        }
        into[at++] = code
      }
      end = at
    },
    finish: () => [...full, chunk.subarray(0, end)],
  }
}
