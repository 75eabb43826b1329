import type { Command } from 'commander'
import { completeWords } from '../completion/candidates.ts'
import { createNameLister } from '../completion/names.ts'
import { clientOf, type Session } from '../session.ts'

/** `kiln complete`, which the completion scripts call. A command that its words name is loaded, because they are words of this call. */
export function defineComplete(command: Command, session: Session): void {
  command
    .argument('[word...]', 'of the command line after kiln; the last one is under the cursor')
    .action(async (words: string[]) => {
      const program = command.parent ?? command
      const { words: candidates, hasFiles } = await completeWords(program, words, createNameLister(clientOf(session)))
      session.stdout.write([...candidates, ...(hasFiles ? [':files'] : [])].map((line) => `${line}\n`).join(''))
    })
}
