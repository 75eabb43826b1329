import type { Command } from 'commander'
import type { DoctorFinding } from '../../api/doctor-report.ts'
import { siblingProgram } from '../daemon-process.ts'
import { exitCode, ExitRequest } from '../failure.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { printable, widthOf } from '../render/text.ts'
import { addOutputOption, hasColor, type OutputFormat, printAnswer, type Session } from '../session.ts'

const signs = { ok: '✔', warning: '!', problem: '✖' } as const
const colors = { ok: 'green', warning: 'yellow', problem: 'red' } as const
const nameWidth = 28

/** `kiln doctor` */
export function defineDoctor(command: Command, session: Session): void {
  addExamples(addOutputOption(command), 'kiln doctor', 'kiln doctor --output json')
    .description(
      'Check what Kiln needs of this host and say how to mend it. Works with no daemon and changes nothing; exit code 1 when something does not work',
    )
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
  const sign = hasColor(session) ? paint(signs[Status], colors[Status]) : signs[Status]
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
