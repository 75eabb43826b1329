import { createWriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { once } from 'node:events'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { Clock } from '../../host/clock.ts'

/** What a build tells while it goes on, for people. Each line has its time; secrets are masked. */
export interface BuildLog {
  /** What the build itself says. */
  say(text: string): void
  /** A line that a step has printed. */
  print(line: string): void
  /** A text as the log would show it. */
  mask(text: string): string
  /** Resolves when everything is in the file. */
  close(): Promise<void>
}

/** What a step that floods its output takes of the host's disk. */
const maximumBytes = 32 * 1024 ** 2
const maximumLineLength = 4096
const mask = '********'

/** Begins a log at `path`. */
export async function openBuildLog(clock: Clock, path: string, secrets: readonly string[]): Promise<BuildLog> {
  await ensurePrivateDirectory(dirname(path))
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
  await once(file, 'open')
  // The disk may be full: a build does not fail because of its log.
  file.on('error', () => undefined)
  const masked = createMask(secrets)
  let written = 0

  function write(text: string): void {
    if (written > maximumBytes) return
    const line = `${clock.now().toISOString().slice(0, 19)}Z ${masked(text).slice(0, maximumLineLength)}\n`
    written += Buffer.byteLength(line)
    file.write(line)
    if (written > maximumBytes) file.write(`The log has ${maximumBytes} bytes: what follows is left out.\n`)
  }

  return {
    say: (text) => write(`== ${text}`),
    print: (line) => write(line),
    mask: masked,
    close: async () => {
      await new Promise<void>((resolve) => {
        file.once('close', resolve)
        file.end(() => file.destroy())
      })
    },
  }
}

/** Hides each secret, each line of one that has several, and what base64 makes of it. The longest first, should one be part of another. */
export function createMask(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => [
    secret,
    // A short line, such as a bracket, is no secret.
    ...secret
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.length >= 4),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  ])
  const hidden = [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length)
  return (text) => hidden.reduce((shown, form) => shown.replaceAll(form, mask), text)
}
