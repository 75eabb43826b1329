import type { Command } from 'commander'
import type { DoctorFinding } from '../../api/doctor-report.ts'
import { siblingProgram } from '../daemon-process.ts'
import { exitCode, ExitRequest } from '../failure.ts'
import { printable, widthOf } from '../render/text.ts'
import { addOutputOption, type OutputFormat, printAnswer, type Session } from '../session.ts'

const signs = { ok: '✔', warning: '!', problem: '✖' } as const
const colours = { ok: 32, warning: 33, problem: 31 } as const
const nameWidth = 28

/** `kiln doctor` */
export function defineDoctor(command: Command, session: Session): void {
  addOutputOption(command)
    .description('Check what Kiln needs of this host and say how to mend it; exit code 1 when something does not work')
    .addHelpText('after', '\nWorks with no daemon. Nothing is changed.\n\nExample:\n  kiln doctor --output json')
    .action(async ({ output }: { output: OutputFormat }) => {
      const findings: DoctorFinding[] = []
      await runDoctor(session, (finding) => {
        findings.push(finding)
        if (output === 'table') printFinding(session, finding)
      })
      const isHealthy = findings.every(({ Status }) => Status !== 'problem')
      if (output !== 'table')
        await printAnswer(session, output, { Health: isHealthy ? 'ok' : 'problem', Checks: findings })
      else session.stdout.write(`\n${summarise(findings)}\n`)
      if (!isHealthy) throw new ExitRequest(exitCode.failed)
    })
}

async function runDoctor(session: Session, onFinding: (finding: DoctorFinding) => void): Promise<void> {
  const { createProcessHost } = await import('../../host/process.ts')
  await createProcessHost().run({
    argv: siblingProgram('doctor/main'),
    signal: session.signal,
    onLine: (line) => {
      if (line.startsWith('{')) onFinding(JSON.parse(line) as DoctorFinding)
    },
  })
}

function printFinding(session: Session, { Name, Status, Detail, Remedy }: DoctorFinding): void {
  const isColoured = session.stdout.isTTY === true && !session.environment['NO_COLOR']
  const sign = isColoured ? `\u001b[${colours[Status]}m${signs[Status]}\u001b[0m` : signs[Status]
  const name = Name + ' '.repeat(Math.max(1, nameWidth - widthOf(Name)))
  const [first = '', ...others] = Detail.split('\n').map(printable)
  const indent = ' '.repeat(nameWidth + 2)
  const lines = [`${sign} ${name}${first}`, ...others.map((line) => indent + line)]
  if (Remedy) lines.push(`${indent}→ ${printable(Remedy)}`)
  session.stdout.write(`${lines.join('\n')}\n`)
}

function summarise(findings: readonly DoctorFinding[]): string {
  const count = (status: DoctorFinding['Status']) => findings.filter(({ Status }) => Status === status).length
  if (count('problem') > 0)
    return `${count('problem')} to mend before Kiln works as it should, ${count('warning')} to know of.`
  return count('warning') > 0 ? `Kiln works here; ${count('warning')} to know of.` : 'Kiln works here.'
}
