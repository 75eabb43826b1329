import type { Command } from 'commander'
import { Argument } from 'commander'
import { completionScript, type Shell, shells } from '../completion/scripts.ts'
import { addExamples } from '../help.ts'
import type { Session } from '../session.ts'

/** `kiln completion` */
export function defineCompletion(command: Command, session: Session): void {
  command
    .addArgument(new Argument('<shell>', 'whose completions to print').choices(shells))
    .action((shell: Shell) => void session.stdout.write(completionScript(shell)))
  addExamples(
    command,
    'source <(kiln completion bash)                                     # in ~/.bashrc',
    'kiln completion zsh >"${fpath[1]}/_kiln"                           # then a new shell',
    'kiln completion fish >~/.config/fish/completions/kiln.fish',
  )
}
