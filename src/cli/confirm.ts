import { CliError, exitCode } from './failure.ts'
import { printable } from './render/text.ts'
import type { Session } from './session.ts'

/** Asks on the terminal. Throws CliError: `refusal` when the answer is not yes, usage when there is nobody to ask. */
export async function confirm(session: Session, question: string, refusal: string): Promise<void> {
  if (!session.stdin.isTTY || !session.stderr.isTTY) {
    throw new CliError('There is no terminal to ask on.', { exitCode: exitCode.usage, hint: 'Give --yes to go ahead.' })
  }
  const { createInterface } = await import('node:readline/promises')
  const reader = createInterface({ input: session.stdin, output: process.stderr })
  try {
    const answer = await reader.question(`${printable(question)} [y/N] `, { signal: session.signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(refusal)
  } finally {
    reader.close()
  }
}
