import type { Command } from 'commander'
import { addExamples } from '../help.ts'
import { clientOf, type Session } from '../session.ts'

/** `kiln metadata …` */
export function defineMetadata(command: Command, session: Session): void {
  const certificate = command
    .command('certificate')
    .description('Print the certificate that verifies instance identity documents')
    .action(async () => {
      const { Certificate: pem } = await clientOf(session).call('KilnGetIdentityCertificate', {})
      session.stdout.write(pem.endsWith('\n') ? pem : `${pem}\n`)
    })
  addExamples(certificate, 'kiln metadata certificate > kiln-identity.pem')
}
