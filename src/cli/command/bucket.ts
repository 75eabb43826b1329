import type { Command } from 'commander'
import { addExamples } from '../help.ts'
import { formatBytes } from '../render/progress.ts'
import { addOutputOption, clientOf, type OutputFormat, printListing, type Session } from '../session.ts'

/** `kiln bucket …` */
export function defineBucket(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(
    command
      .description('List what is in a bucket of the configuration')
      .argument('<place>', 'a bucket, or s3://BUCKET/PREFIX'),
  ).action(async (place: string, { output }: { output: OutputFormat }) => {
    const [, bucket = place, prefix = ''] = /^(?:s3:\/\/)?([^/]+)\/?(.*)$/is.exec(place) ?? []
    const answer = await clientOf(session).call('KilnDescribeObjects', { Bucket: bucket, Prefix: prefix })
    await printListing(session, output, {
      answer,
      rows: answer.Objects,
      empty: 'No objects.',
      columns: [
        { title: 'OBJECT', value: ({ Key }) => `s3://${bucket}/${Key}` },
        { title: 'SIZE', value: ({ SizeBytes }) => formatBytes(SizeBytes) },
        { title: 'MODIFIED', value: ({ ModifiedAt }) => ModifiedAt.slice(0, 16).replace('T', ' ') },
      ],
    })
  })
  addExamples(command, 'kiln bucket ls backups', 'kiln bucket ls s3://backups/exports/')
}
