import { readFile } from 'node:fs/promises'
import { CliError, exitCode } from './failure.ts'
import type { Session } from './session.ts'

/** The content of a file that the user names, or of standard input for `-`. */
export async function readInput(session: Session, file: string): Promise<Buffer> {
  if (file === '-') {
    const chunks: Buffer[] = []
    for await (const chunk of session.stdin as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`The file ${file} cannot be read (${error.code}).`, { exitCode: exitCode.usage })
  })
}
