import type { Change, ChangeAction, Detail, Plan } from '../../manifest/plan/plan.ts'
import { type Paint, paint } from './paint.ts'
import { printable } from './text.ts'

const marks: Readonly<Record<ChangeAction, { mark: string; color: Paint; verb: string }>> = {
  create: { mark: '+', color: 'green', verb: 'create' },
  update: { mark: '~', color: 'yellow', verb: 'change' },
  replace: { mark: '-/+', color: 'blue', verb: 'replace' },
  delete: { mark: '-', color: 'red', verb: 'delete' },
}

/** The diff of a plan, as Terraform shows one: `+` comes, `~` changes in place, `-/+` is made anew, `-` goes. */
export function renderPlan(plan: Pick<Plan, 'changes'>, options: { color: boolean }): string {
  if (plan.changes.length === 0) return 'No changes.\n'
  const lines = plan.changes.flatMap((change) => [
    options.color ? paint(renderHead(change), marks[change.action].color) : renderHead(change),
    ...change.details.map((detail) => `      ${printable(renderDetail(detail, change.action))}`),
  ])
  return `${lines.join('\n')}\n\n${summarise(plan.changes)}\n`
}

function renderHead({ action, address, id }: Change): string {
  return printable(`${marks[action].mark.padStart(3)} ${address}${id ? ` (${id})` : ''}`)
}

function renderDetail(detail: Detail, action: ChangeAction): string {
  const consequence = detail.forcesReplacement ? 'forces replacement' : detail.note
  const told = consequence === undefined ? '' : ` (${consequence})`
  if (detail.old !== undefined && detail.new !== undefined) {
    return `${detail.name}: ${detail.old} → ${detail.new}${told}`
  }
  const value = `${detail.name}: ${detail.new ?? detail.old ?? ''}${told}`
  // What comes may bring something that is taken away at once: a new security group a rule that lets everything out.
  if (action === 'delete' || (action === 'create' && detail.new !== undefined)) return value
  return `${detail.new === undefined ? '-' : '+'} ${value}`
}

/** `1 to create, 2 to change.` */
export function summarise(changes: readonly Change[]): string {
  const counts = Object.entries(marks).flatMap(([action, { verb }]) => {
    const count = changes.filter((change) => change.action === action).length
    return count === 0 ? [] : [`${count} to ${verb}`]
  })
  return `Plan: ${counts.join(', ')}.`
}

/** The plan for machines, members as EC2 writes them. */
export function describePlan(plan: Plan, region: string): Record<string, unknown> {
  return {
    Lab: plan.lab,
    Region: region,
    Changes: plan.changes.map(({ address, action, id, details }) => ({
      Address: address,
      Action: action,
      ...(id ? { ResourceId: id } : {}),
      Details: details.map((detail) => ({
        Name: detail.name,
        ...(detail.old === undefined ? {} : { Old: detail.old }),
        ...(detail.new === undefined ? {} : { New: detail.new }),
        ...(detail.forcesReplacement ? { ForcesReplacement: true } : {}),
      })),
    })),
    ...(plan.refusals.length > 0 ? { Refusals: plan.refusals } : {}),
  }
}
