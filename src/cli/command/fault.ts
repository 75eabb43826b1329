import type { Command } from 'commander'
import { defineInstanceEvent } from './instance-event.ts'
import { addExamples } from '../help.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { defineFaultInject } from './fault-inject.ts'
import { defineFaultClear, defineFaultLs } from './fault-ls.ts'
import { clientOf, integerBetween, say, type Session } from '../session.ts'

/** EC2's notice. */
const noticeSeconds = 120

/** `kiln fault …` */
export function defineFault(command: Command, session: Session): void {
  defineFaultInject(command.command('inject'), session)
  defineFaultLs(command.command('ls'), session)
  defineFaultClear(command.command('clear'), session)
  const spot = command
    .command('spot-interruption')
    .description('Take spot instances away: their metadata give notice, then they are terminated')
    .argument('<instance...>', 'ids or names')
    .option('--notice <seconds>', 'how long before the end it is told', integerBetween(0, 86_400), noticeSeconds)
    .action(async (names: string[], { notice }: { notice: number }) => {
      const client = clientOf(session)
      for (const InstanceId of await resolveInstanceIds(client, names)) {
        const answer = await client.call('KilnInterruptSpotInstance', { InstanceId, NoticeSeconds: notice })
        say(session, `${InstanceId} is ended at ${answer.Time}`)
      }
    })
  addExamples(spot, 'kiln fault spot-interruption worker', 'kiln fault spot-interruption worker --notice 10')
  const rebalance = command
    .command('rebalance')
    .description('Recommend to replace spot instances: their metadata say so, and they go on')
    .argument('<instance...>', 'ids or names')
    .action(async (names: string[]) => {
      const client = clientOf(session)
      for (const InstanceId of await resolveInstanceIds(client, names)) {
        const answer = await client.call('KilnRecommendRebalance', { InstanceId })
        say(session, `${InstanceId} was told at ${answer.NoticeTime}`)
      }
    })
  addExamples(rebalance, 'kiln fault rebalance worker')
  defineInstanceEvent(command, session)
}
