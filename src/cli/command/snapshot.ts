import type { Command } from 'commander'
import type { Session } from '../session.ts'
import { defineSnapshotExport } from './export.ts'

/** `kiln snapshot …` */
export function defineSnapshot(command: Command, session: Session): void {
  command.addHelpText('after', '\nExamples:\n  kiln snapshot export snap-0123456789abcdef0 data.qcow2 --compress')
  defineSnapshotExport(command.command('export'), session)
}
