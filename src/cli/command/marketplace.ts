import type { Command } from 'commander'
import type { KilnOutputs } from '../../api/kiln-operations.ts'
import { confirm } from '../confirm.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import {
  addOutputOption,
  clientOf,
  note,
  type OutputFormat,
  printAnswer,
  printListing,
  say,
  type Session,
} from '../session.ts'
import { followTask } from '../task.ts'

type Product = KilnOutputs['KilnDescribeProducts']['Products'][number]

/** `kiln marketplace …` */
export function defineMarketplace(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
  defineShow(command.command('show'), session)
  defineSubscribe(command.command('subscribe'), session)
  defineUnsubscribe(command.command('unsubscribe'), session)
  command
    .command('update')
    .description('Read the catalogue of marketplace.url again')
    .action(async () => {
      const { Products } = await clientOf(session).call('KilnUpdateMarketplace', {})
      note(session, `The marketplace has ${Products.length} products.`)
    })
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List what the marketplace offers')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeProducts', {})
      await printListing(session, output, {
        answer,
        rows: answer.Products,
        empty: 'The marketplace is empty. docs/guides/marketplace.md says how to offer something.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'VERSION', value: (row) => row.Version },
          { title: 'PUBLISHER', value: (row) => row.Publisher.Name },
          { title: 'SUBSCRIBED', value: subscriptionOf },
          { title: 'IMAGE', value: (row) => row.ImageId },
          { title: 'TITLE', value: (row) => row.Title },
        ],
      })
    },
  )
}

function subscriptionOf({ Subscription }: Product): string | undefined {
  if (!Subscription) return undefined
  return Subscription.IsCurrent ? Subscription.AcceptedAt.slice(0, 10) : 'licence has changed'
}

function defineShow(command: Command, session: Session): void {
  addOutputOption(
    command.description('Show a product and its licence').argument('<product>', 'name or product code'),
  ).action(async (name: string, { output }: { output: OutputFormat }) => {
    const answer = await clientOf(session).call('KilnDescribeProduct', { Product: name })
    if (output !== 'table') return printAnswer(session, output, answer)
    const { Product: product } = answer
    const { Publisher: publisher } = product
    const lines: [string, string | undefined][] = [
      ['Name', product.Name],
      ['Title', product.Title],
      ['Version', product.Version],
      ['Publisher', `${publisher.Name} (${publisher.AccountId})`],
      ['Product code', product.ProductCode],
      ['Architecture', product.Architecture],
      ['Description', product.Description || undefined],
      ['Image', product.ImageId],
      ['Subscribed', subscriptionOf(product)],
    ]
    for (const [title, value] of lines) if (value !== undefined) say(session, `${title.padEnd(14)}${value}`)
    sayLicence(session, product.Licence)
  })
}

/** Line by line, so that each is made fit for the terminal. */
function sayLicence(session: Session, licence: string): void {
  say(session, '')
  for (const line of licence.split('\n')) say(session, line)
}

function defineSubscribe(command: Command, session: Session): void {
  command
    .description('Accept the licence of a product, and get its image')
    .argument('<product>', 'name or product code')
    .option('--accept-licence', 'do not show the licence and ask: it was read and is accepted')
    .action(async (name: string, { acceptLicence }: { acceptLicence?: boolean }) => {
      const client = clientOf(session)
      const { Product: product } = await client.call('KilnDescribeProduct', { Product: name })
      if (!acceptLicence && !product.Subscription?.IsCurrent) {
        if (!session.stdin.isTTY) {
          throw new CliError('There is no terminal to ask on.', {
            exitCode: exitCode.usage,
            hint: `Read the licence with: kiln marketplace show ${name}; then give --accept-licence`,
          })
        }
        sayLicence(session, product.Licence)
        await confirm(session, `Accept this licence of ${product.Publisher.Name}?`, 'Nothing was subscribed to.')
      }
      const { ImageId, TaskId } = await client.call('KilnSubscribe', {
        Product: product.Name,
        LicenceSha256: product.LicenceSha256,
      })
      note(session, `Subscribed to ${product.Title} ${product.Version} by ${product.Publisher.Name}.`)
      const imageId =
        TaskId === undefined
          ? ImageId
          : (await followTask(session, client, TaskId, 'Cancelled: the image was not got.')).ImageId
      if (imageId === undefined) return
      say(session, imageId)
      note(session, `Launch it with: kiln run ${imageId}`)
    })
  addExamples(
    command,
    'kiln marketplace subscribe acme-database',
    'kiln marketplace subscribe acme-database --accept-licence',
  )
}

function defineUnsubscribe(command: Command, session: Session): void {
  command
    .description('End a subscription: instances go on, nothing more is launched')
    .argument('<product>', 'name or product code')
    .action(async (name: string) => {
      await clientOf(session).call('KilnUnsubscribe', { Product: name })
      say(session, name)
    })
}
