import type { Command } from 'commander'
import { OperationError } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { resolveImage } from '../resolve/image.ts'
import { listInstances } from '../resolve/instance.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, say, type Session } from '../session.ts'
import { defineImageExport } from './export.ts'
import { defineCreate } from './image-create.ts'
import { defineImageLs } from './image-ls.ts'
import { defineBuild, defineImport, definePrepare, definePull } from './image-make.ts'
import { defineRestore, defineStore } from './image-store.ts'
import { defineCool, defineTemplates, defineWarm } from './image-warm.ts'
import { definePublish, definePush, defineSign, defineUnpublish } from './image-registry.ts'

/** `kiln image …` */
export function defineImage(command: Command, session: Session): void {
  command.addHelpText(
    'after',
    `
Examples:
  kiln image catalog
  kiln image pull ubuntu-24.04
  kiln image build nano
  kiln image import disk.qcow2 --name mine --login-user admin
  kiln image create web --name web-2
  kiln image prepare ubuntu-24.04
  kiln image export mine mine.ova
  kiln image store mine backups
  kiln image push mine registry.example.org/team/mine:1
  kiln image warm mine
  kiln image ls
  kiln image rm mine`,
  )
  defineImageLs(command.command('ls'), session)
  defineCatalog(command.command('catalog'), session)
  defineRecipes(command.command('recipes'), session)
  defineBuild(command.command('build'), session)
  definePull(command.command('pull'), session)
  defineImport(command.command('import'), session)
  defineCreate(command.command('create'), session)
  definePrepare(command.command('prepare'), session)
  defineImageExport(command.command('export'), session)
  defineStore(command.command('store'), session)
  defineRestore(command.command('restore'), session)
  definePush(command.command('push'), session)
  defineSign(command.command('sign'), session)
  definePublish(command.command('publish'), session)
  defineUnpublish(command.command('unpublish'), session)
  defineWarm(command.command('warm'), session)
  defineCool(command.command('cool'), session)
  defineTemplates(command.command('templates'), session)
  defineRm(command.command('rm'), session)
}

function defineCatalog(command: Command, session: Session): void {
  addOutputOption(command.description('List what can be pulled, and what of it is there already')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeCatalog', {})
      await printListing(session, output, {
        answer,
        rows: answer.Entries,
        empty: 'The catalogue is empty.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'ARCHITECTURE', value: (row) => row.Architecture },
          { title: 'LOGIN', value: (row) => row.LoginUser },
          { title: 'PULLED', value: (row) => row.ImageId },
          { title: 'DESCRIPTION', value: (row) => row.Description },
        ],
      })
    },
  )
}

function defineRecipes(command: Command, session: Session): void {
  addOutputOption(command.description('List what can be built')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeRecipes', {})
      await printListing(session, output, {
        answer,
        rows: answer.Recipes,
        empty: 'No recipes.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'ARCHITECTURES', value: (row) => row.Architectures.join(' ') },
          { title: 'DESCRIPTION', value: (row) => row.Description },
        ],
      })
    },
  )
}

/** A community image belongs to an account that is not here. */
async function deregister(client: KilnClient, imageId: string): Promise<void> {
  try {
    await client.call('DeregisterImage', { ImageId: imageId, DeleteAssociatedSnapshots: true })
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'AuthFailure') throw error
    await client.call('KilnForgetCommunityImage', { ImageId: imageId })
  }
}

function defineRm(command: Command, session: Session): void {
  command
    .description('Delete images; instances go on')
    .argument('<image...>', 'ids or names')
    .addHelpText(
      'after',
      '\nThe disk space is free when no instance made from the image is left.\n\nExamples:\n  kiln image rm nano ami-0123456789abcdef0',
    )
    .action(async (names: string[]) => {
      const client = clientOf(session)
      // All are found before the first goes: a mistyped name deletes nothing.
      const found = await Promise.all(names.map((name) => resolveImage(client, name)))
      const images = new Map(found.map((image) => [image.ImageId ?? '', image]))
      for (const [ImageId, image] of images) {
        const instances = await listInstances(client, { Filters: [{ Name: 'image-id', Values: [ImageId] }] })
        const users = instances.filter(({ State }) => State?.Name !== 'terminated')
        await deregister(client, ImageId)
        say(session, ImageId)
        if (users.length === 0) continue
        const ids = users.map(({ InstanceId }) => InstanceId).join(', ')
        note(session, `The disk of ${image.Name} stays until these are terminated: ${ids}`)
      }
    })
}
