import type { Argument, Command, Option } from 'commander'

/** What the word under the cursor may become. */
export interface Candidates {
  readonly words: readonly string[]
  /** The shell's own completion of file names is wanted. */
  readonly hasFiles: boolean
}

/** Names of resources by what an argument or an option's value is called: `instance`, `image`, `key`, `group`, `type`. */
export type NameLister = (kind: string) => Promise<readonly string[]>

/** Arguments and option values that are files. */
const fileNames = ['file', 'path']
const nothing: Candidates = { words: [], hasFiles: false }

/**
 * Completes a command line: `words` are those after `kiln`, the last one is under the cursor. Everything comes from the definitions of the
 * commands, so that what can be completed is what can be called.
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  listNames: NameLister,
): Promise<Candidates> {
  const current = words.at(-1) ?? ''
  const { command, operands, openOption, isRest } = walk(program, words.slice(0, -1))
  if (isRest) return { words: [], hasFiles: true }
  if (openOption) return startingWith(current, await valuesOf(openOption.argChoices, valueName(openOption), listNames))
  const inline = /^(--[^=]+)=(.*)$/.exec(current)
  if (inline) {
    const option = command.options.find(({ long }) => long === inline[1])
    if (!option) return nothing
    const values = await valuesOf(option.argChoices, valueName(option), listNames)
    return startingWith(current, { ...values, words: values.words.map((value) => `${inline[1]}=${value}`) })
  }
  if (current.startsWith('-')) return startingWith(current, { words: optionsOf(command), hasFiles: false })
  if (command.commands.length > 0) {
    if (operands > 0) return nothing
    const visible = command.createHelp().visibleCommands(command)
    return startingWith(current, { words: visible.map((child) => child.name()), hasFiles: false })
  }
  const argument = argumentAt(command, operands)
  if (!argument) return nothing
  if (command.name() === 'cp') return current.includes(':') ? nothing : startingWith(current, await placesOf(listNames))
  return startingWith(current, await valuesOf(argument.argChoices, argument.name(), listNames))
}

interface Position {
  readonly command: Command
  /** How many arguments are there already. */
  readonly operands: number
  /** The option whose value is under the cursor. */
  readonly openOption: Option | undefined
  /** Past `--`, or inside a command that is run elsewhere. */
  readonly isRest: boolean
}

function walk(program: Command, words: readonly string[]): Position {
  let command = program
  let operands = 0
  let openOption: Option | undefined
  for (const word of words) {
    if (openOption) {
      openOption = undefined
      continue
    }
    if (word === '--') return { command, operands, openOption, isRest: true }
    if (word.startsWith('-')) {
      const option = command.options.find(({ long, short }) => word === long || word === short)
      if (option?.required) openOption = option
      continue
    }
    const child = command.commands.find((candidate) => candidate.name() === word)
    if (child) command = child
    else operands++
  }
  const isRest = command.name() === 'ssh' && operands > 0
  return { command, operands, openOption, isRest }
}

function optionsOf(command: Command): string[] {
  const help = command.createHelp()
  return help.visibleOptions(command).flatMap(({ long }) => long ?? [])
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  return registeredArguments[index] ?? (last?.variadic ? last : undefined)
}

/** `file` of `--user-data <file>`. */
function valueName({ flags }: Option): string {
  return /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? ''
}

async function valuesOf(
  choices: readonly string[] | undefined,
  name: string,
  listNames: NameLister,
): Promise<Candidates> {
  if (choices) return { words: choices, hasFiles: false }
  if (fileNames.includes(name)) return { words: [], hasFiles: true }
  return { words: await listNames(name), hasFiles: false }
}

/** A side of a copy is a file, or an instance with a colon behind it. */
async function placesOf(listNames: NameLister): Promise<Candidates> {
  return { words: (await listNames('instance')).map((name) => `${name}:`), hasFiles: true }
}

function startingWith(current: string, { words, hasFiles }: Candidates): Candidates {
  return { words: [...new Set(words)].filter((word) => word.startsWith(current)), hasFiles }
}
