import type { InstanceTypeInfo } from '@aws-sdk/client-ec2'
import { type Command, Option } from 'commander'
import type { Jsonified } from '../../api/contract.ts'
import type { DaemonStatus } from '../../api/kiln/daemon.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { listInstanceTypes } from '../resolve/instance-type.ts'
import { addOutputOption, clientOf, hasColor, type OutputFormat, printListing, type Session } from '../session.ts'

type TypeRecord = Jsonified<InstanceTypeInfo>

/** `kiln type …` */
export function defineType(command: Command, session: Session): void {
  const ls = addOutputOption(
    command.command('ls').description('List instance types, and which this host has room for now'),
  )
    .addOption(new Option('--arch <name>', 'that run this').choices(['x86_64', 'i386', 'arm64']))
    .option('--fits', 'only those there is room for')
    .action(async ({ arch, fits, output }: { arch?: string; fits?: boolean; output: OutputFormat }) => {
      const client = clientOf(session)
      const types = await listInstanceTypes(
        client,
        arch === undefined ? [] : [{ Name: 'processor-info.supported-architecture', Values: [arch] }],
      )
      const { Capacity } = await client.call('KilnGetStatus', {})
      const rows = fits ? types.filter((type) => lackFor(type, Capacity) === undefined) : types
      const isColored = hasColor(session)
      await printListing<TypeRecord>(session, output, {
        answer: { InstanceTypes: rows },
        rows,
        empty: 'No instance types.',
        columns: [
          { title: 'TYPE', value: (row) => row.InstanceType },
          { title: 'VCPU', value: (row) => row.VCpuInfo?.DefaultVCpus },
          { title: 'MEMORY', value: (row) => renderMib(row.MemoryInfo?.SizeInMiB ?? 0) },
          { title: 'ARCHITECTURE', value: (row) => row.ProcessorInfo?.SupportedArchitectures?.join(' ') },
          {
            title: 'FITS',
            value: (row) => lackFor(row, Capacity) ?? 'yes',
            ...(isColored
              ? { paint: (text, row) => paint(text, lackFor(row, Capacity) === undefined ? 'green' : 'dim') }
              : {}),
          },
        ],
      })
    })
  addExamples(ls, 'kiln type ls', 'kiln type ls --arch arm64 --fits')
}

/** What the host lacks for one more of a type; undefined when there is room. */
function lackFor(type: TypeRecord, capacity: DaemonStatus['Capacity']): string | undefined {
  const freeVCpus = capacity.VCpus - capacity.UsedVCpus
  const freeMib = capacity.AvailableMemoryMib
  if ((type.VCpuInfo?.DefaultVCpus ?? 0) > freeVCpus) return `no, ${freeVCpus} vCPU free`
  if ((type.MemoryInfo?.SizeInMiB ?? 0) > freeMib) return `no, ${renderMib(freeMib)} free`
  return undefined
}

function renderMib(mib: number): string {
  return mib < 1024 ? `${mib} MiB` : `${Number((mib / 1024).toFixed(1))} GiB`
}
