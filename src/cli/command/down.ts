import type { Command } from 'commander'
import { observeLab } from '../../manifest/observed.ts'
import { planDown } from '../../manifest/plan/plan-lab.ts'
import { confirm } from '../confirm.ts'
import { addExamples } from '../help.ts'
import { addFileOption, carryOut, type LabOptions, openLab, requireFeasible } from '../lab.ts'
import { renderPlan } from '../render/plan.ts'
import { hasColor, note, say, type Session } from '../session.ts'

interface DownOptions extends LabOptions {
  images?: boolean
  yes?: boolean
}

/** `kiln down` */
export function defineDown(command: Command, session: Session): void {
  addExamples(command, 'kiln down', 'kiln down -f shop.yaml --images --yes')
  addFileOption(command)
    .option('--images', 'delete the images too that the lab has made')
    .option('-y, --yes', 'do not ask')
    .action(async (options: DownOptions) => {
      const { lab, client, region } = await openLab(session, options)
      const plan = planDown(lab, await observeLab(client.call, lab.name), { images: options.images ?? false })
      if (plan.operations.length === 0) return note(session, `There is nothing of the lab ${lab.name} in ${region}.`)
      say(session, `Lab ${lab.name} in ${region}`)
      session.stdout.write(renderPlan(plan, { color: hasColor(session) }))
      requireFeasible(session, plan)
      if (!options.yes) await confirm(session, 'Delete all this?', 'Nothing was deleted.')
      await carryOut(session, client, plan)
    })
}
