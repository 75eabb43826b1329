import type { Duplex } from 'node:stream'
import type { KilnClient } from './client.ts'
import { resolveInstance } from './resolve/instance.ts'

/** A TCP connection to a port of an instance: as from its host, or through an EC2 Instance Connect Endpoint. */
export async function dialInstance(
  client: KilnClient,
  instanceId: string,
  port: number,
  endpointId: string | undefined,
): Promise<Duplex> {
  if (endpointId === undefined) return await client.dial(instanceId, port)
  const { PrivateIpAddress: address = '' } = await resolveInstance(client, instanceId)
  return await client.dialVpc(endpointId, address, port)
}
