import { type Command, Option } from 'commander'
import { type Goal, goals } from '../../manifest/lab.ts'
import { observeLab } from '../../manifest/observed.ts'
import { planUp } from '../../manifest/plan/plan-lab.ts'
import { readOutputs } from '../../manifest/read-outputs.ts'
import { confirm } from '../confirm.ts'
import { createKeyFiles } from '../key-files.ts'
import { addExamples } from '../help.ts'
import { addFileOption, carryOut, type LabOptions, type OpenLab, openCheckedLab, requireFeasible } from '../lab.ts'
import { describePlan, renderPlan } from '../render/plan.ts'
import { addOutputOption, hasColor, note, type OutputFormat, printAnswer, say, type Session } from '../session.ts'

interface UpOptions extends LabOptions {
  output: OutputFormat
  wait: Goal
  yes?: boolean
}

/** `kiln up` */
export function defineUp(command: Command, session: Session): void {
  addExamples(command, 'kiln up', 'kiln up -f shop.yaml --wait ssh --yes')
  addFileOption(addOutputOption(command))
    .addOption(
      new Option('--wait <goal>', 'return when all instances have reached it').choices(goals).default('running'),
    )
    .option('-y, --yes', 'do not ask')
    .action(async (options: UpOptions) => {
      const open = await openCheckedLab(session, options)
      const { lab, region, observed, facts } = open
      const plan = planUp(lab, observed, facts, options.wait)
      // What is asked and told on the way is no result when the result is for a machine.
      const told = options.output === 'table' ? session.stdout : session.stderr
      told.write(
        `Lab ${lab.name} in ${region}\n${renderPlan(plan, { color: told === session.stdout && hasColor(session) })}`,
      )
      requireFeasible(session, plan)
      if (plan.changes.length > 0 && !options.yes) {
        await confirm(session, 'Go ahead?', 'Nothing was changed.')
      }
      await carryOut(session, open.client, plan)
      await tellResult(session, open, options, describePlan(plan, region))
    })
}

async function tellResult(
  session: Session,
  { lab, client }: OpenLab,
  { output }: UpOptions,
  plan: Record<string, unknown>,
): Promise<void> {
  const { call } = client
  const observed = await observeLab(call, lab.name)
  const outputs = await readOutputs({ call, keyFiles: createKeyFiles(session) }, lab, observed)
  if (output !== 'table') {
    const instances = observed.instances.map(({ address, record }) => ({ Address: address, ...record }))
    return printAnswer(session, output, { ...plan, Instances: instances, Outputs: outputs })
  }
  const standing = observed.instances.filter(({ record }) => record.State?.Name === 'stopped')
  for (const { address, record } of standing) {
    note(
      session,
      `${address} (${record.InstanceId}) is stopped and stays so. Start it with: kiln start ${record.InstanceId}`,
    )
  }
  for (const [name, value] of Object.entries(outputs)) say(session, `${name}: ${value}`)
}
