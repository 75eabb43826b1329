import type { Command } from 'commander'
import { planUp } from '../../manifest/plan/plan-lab.ts'
import { exitCode, ExitRequest } from '../failure.ts'
import { addExamples } from '../help.ts'
import { addFileOption, type LabOptions, openCheckedLab } from '../lab.ts'
import { describePlan, renderPlan } from '../render/plan.ts'
import { addOutputOption, hasColor, note, type OutputFormat, printAnswer, say, type Session } from '../session.ts'

interface PlanOptions extends LabOptions {
  output: OutputFormat
  detailedExitcode?: boolean
}

/** `kiln plan` */
export function definePlan(command: Command, session: Session): void {
  addExamples(command, 'kiln plan', 'kiln plan -f shop.yaml --detailed-exitcode')
  addFileOption(addOutputOption(command))
    .option('--detailed-exitcode', `end with ${exitCode.changes} when something would change`)
    .action(async (options: PlanOptions) => {
      const { lab, observed, facts, region } = await openCheckedLab(session, options)
      const plan = planUp(lab, observed, facts)
      if (options.output !== 'table') await printAnswer(session, options.output, describePlan(plan, region))
      else {
        say(session, `Lab ${lab.name} in ${region}`)
        session.stdout.write(renderPlan(plan, { color: hasColor(session) }))
        for (const refusal of plan.refusals) note(session, refusal)
      }
      if (options.detailedExitcode && plan.changes.length > 0) throw new ExitRequest(exitCode.changes)
    })
}
