import type { DnsZoneDescription } from '../../api/kiln/dns.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

/** The zone of an id or a name. Throws CliError when there is none or more than one. */
export async function resolveZone(client: KilnClient, name: string): Promise<DnsZoneDescription> {
  const { Zones: zones } = await client.call('KilnDescribeDnsZones', {})
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const [found, ...others] = zones.filter(({ ZoneId: id, Name: known }) => id === name || known === wanted)
  if (!found) throw new CliError(`There is no zone ${name}.`, { exitCode: exitCode.notFound, hint: 'kiln dns zone ls' })
  if (others.length === 0) return found
  const list = [found, ...others].map(({ ZoneId: id, VpcIds: vpcIds }) => `${id} (${vpcIds.join(', ')})`).join(', ')
  throw new CliError(`${others.length + 1} zones are named ${name}: ${list}.`, {
    exitCode: exitCode.ambiguous,
    hint: 'Give the id of the one you mean.',
  })
}
