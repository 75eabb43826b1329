import type { Operation } from '../plan/plan.ts'
import { idOf, type Workshop } from './workshop.ts'

type Work<Kind> = Extract<Operation, { kind: Kind }>

/** A zone of the lab's VPC, marked as the lab's. */
export async function createZone(workshop: Workshop, { name, address }: Work<'create-zone'>): Promise<void> {
  const { call, lab, ids } = workshop
  const VpcIds = ids.has('vpc') ? [idOf(workshop, 'vpc')] : await listDefaultVpcs(workshop)
  const { Zone: zone } = await call('KilnCreateDnsZone', { Name: name, VpcIds, Source: `lab ${lab}` })
  ids.set(address, zone.ZoneId)
}

async function listDefaultVpcs({ call }: Workshop): Promise<string[]> {
  const { Vpcs: vpcs } = await call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  return (vpcs ?? []).flatMap(({ VpcId: id }) => id ?? [])
}

export async function changeRecords(workshop: Workshop, { zone, changes }: Work<'change-records'>): Promise<void> {
  await workshop.call('KilnChangeDnsRecords', {
    ZoneId: idOf(workshop, zone),
    Changes: changes.map(({ action, name, type, ttl, values, instances }) => ({
      Action: action,
      // Whole, with the dot that says so.
      Name: `${name}.`,
      Type: type,
      ...(ttl === undefined ? {} : { Ttl: ttl }),
      ...(action === 'delete'
        ? {}
        : instances.length > 0
          ? { InstanceIds: instances.map((address) => idOf(workshop, address)) }
          : { Values: [...values] }),
    })),
  })
}
