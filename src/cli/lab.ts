import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { executeOperations, type Outcome } from '../manifest/apply/execute.ts'
import { perform } from '../manifest/apply/perform.ts'
import { checkAgainstHost } from '../manifest/host-check.ts'
import { type HostFacts, readHostFacts } from '../manifest/host-facts.ts'
import type { Lab } from '../manifest/lab.ts'
import { createManifestFiles } from '../manifest/manifest-files.ts'
import { type Observed, observeLab } from '../manifest/observed.ts'
import { type ParsedManifest, parseManifest } from '../manifest/parse.ts'
import type { Plan } from '../manifest/plan/plan.ts'
import { ManifestError } from '../manifest/problem.ts'
import type { KilnClient } from './client.ts'
import { CliError, exitCode, explainFailure, ExitRequest } from './failure.ts'
import { readInput } from './input.ts'
import { createKeyFiles } from './key-files.ts'
import { showLabProgress } from './render/lab-progress.ts'
import { clientOf, note, type Session } from './session.ts'

/** Options of every command that works on a lab. */
export interface LabOptions {
  file: string
  region?: string
}

/** A lab, and the daemon that it is to run on. */
export interface OpenLab {
  readonly lab: Lab
  readonly client: KilnClient
  /** Where the lab is. */
  readonly region: string
}

/** Adds `-f`. */
export function addFileOption(command: Command): Command {
  return command.option('-f, --file <file>', 'the manifest; - is standard input', 'lab.yaml')
}

/**
 * Reads the manifest without asking anything of the daemon but its region. Files that the manifest names are looked at only when
 * `readsFiles`: to take a lab down, its scripts need not be there any more.
 */
export async function openLab(session: Session, options: LabOptions): Promise<OpenLab> {
  const { lab } = await readManifest(session, options, { readsFiles: false })
  return await chooseRegion(session, options, lab)
}

/** Reads and checks the manifest, also against what the daemon knows and has. */
export async function openCheckedLab(
  session: Session,
  options: LabOptions,
): Promise<OpenLab & { observed: Observed; facts: HostFacts }> {
  const { lab, source } = await readManifest(session, options, { readsFiles: true })
  const open = await chooseRegion(session, options, lab)
  const { call } = open.client
  const [observed, facts] = await Promise.all([observeLab(call, lab.name), readHostFacts(call)])
  const problems = checkAgainstHost(lab, observed, facts)
  if (problems.length > 0) refuse(session, source.errorOf(problems))
  return { ...open, observed, facts }
}

async function chooseRegion(session: Session, options: LabOptions, lab: Lab): Promise<OpenLab> {
  session.region = options.region ?? lab.region ?? session.region
  const client = clientOf(session)
  const { Region: byDefault } = await client.call('KilnGetEnvironment', {})
  return { lab, client, region: session.region ?? byDefault }
}

async function readManifest(
  session: Session,
  { file }: LabOptions,
  { readsFiles }: { readsFiles: boolean },
): Promise<ParsedManifest> {
  const isStandardInput = file === '-'
  const text = isStandardInput ? (await readInput(session, file)).toString('utf8') : await readText(file)
  const files = createManifestFiles(isStandardInput ? process.cwd() : dirname(resolve(file)))
  try {
    return await parseManifest({
      text,
      file: isStandardInput ? 'standard input' : file,
      ...(readsFiles ? { files } : {}),
    })
  } catch (error) {
    if (error instanceof ManifestError) return refuse(session, error)
    throw error
  }
}

/** Tells every mistake in a line of its own, as compilers do. */
function refuse(session: Session, error: ManifestError): never {
  for (const line of error.message.split('\n')) note(session, line)
  throw new CliError('The manifest cannot be used; nothing was changed.', { exitCode: exitCode.usage })
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const isMissing = error.code === 'ENOENT'
    throw new CliError(isMissing ? `There is no file ${file}.` : `${file} cannot be read (${error.code}).`, {
      exitCode: exitCode.usage,
      ...(isMissing && basename(file) === file ? { hint: 'Name the manifest with -f FILE.' } : {}),
    })
  })
}

/** Refuses a plan that cannot be carried out, with every reason. */
export function requireFeasible(session: Session, { refusals }: Plan): void {
  if (refusals.length === 0) return
  for (const refusal of refusals) note(session, refusal)
  throw new CliError('The plan cannot be carried out; nothing was changed.')
}

/** Carries a plan out, showing how it goes. Throws when something failed, and when the user interrupted. */
export async function carryOut(session: Session, client: KilnClient, plan: Plan): Promise<void> {
  const { operations } = plan
  if (operations.length === 0) return
  const progress = await showLabProgress(session, operations)
  const workshop = {
    call: client.call,
    lab: plan.lab,
    keyFiles: createKeyFiles(session),
    ids: new Map(plan.known),
    signal: session.signal,
  }
  const outcomes = await executeOperations({
    operations,
    perform: async (operation, tell) => perform(workshop, operation, tell),
    follower: progress,
    signal: session.signal,
  })
  await progress.finish()
  report(session, outcomes)
}

function report(session: Session, outcomes: ReadonlyMap<string, Outcome>): void {
  const all = [...outcomes]
  const failed = all.flatMap(([id, outcome]) => (outcome.state === 'failed' ? [{ id, error: outcome.error }] : []))
  const skipped = all.filter(([, { state }]) => state === 'skipped')
  if (failed.length === 0 && skipped.length === 0) return
  const done = all.length - failed.length - skipped.length
  note(session, '')
  for (const { id, error } of failed) {
    const { message, hint } = explainFailure(error)
    note(session, `${id} failed: ${message}${hint ? ` ${hint}` : ''}`)
  }
  for (const [id, outcome] of skipped) {
    if (outcome.state === 'skipped') note(session, `${id} was not done (${outcome.because})`)
  }
  const summary = `${done} of ${all.length} operations were done; what they made stays.`
  if (session.signal.aborted) {
    note(session, `Interrupted: ${summary} The same command goes on from here.`)
    throw new ExitRequest(exitCode.interrupted)
  }
  throw new CliError(summary, { hint: 'Mend the cause and run the same command again: it goes on from here.' })
}
