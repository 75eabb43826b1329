import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { markMetadataRead } from '../ec2/instance/boot-stage.ts'
import { findInstanceMetadata } from '../ec2/instance/metadata-view.ts'
import type { Network } from '../ec2/ports/network.ts'
import { createNetworkDriver, type NetworkDriver } from '../ec2/vpc/network-driver.ts'
import { createMetadataService } from '../metadata/service.ts'
import { createNetwork } from '../network/network.ts'
import type { Ground } from './ground.ts'
import { keepSecret } from './kept-secret.ts'

/** The VPCs, with the metadata service in each. */
export interface NetworkRoom {
  readonly network: Network
  readonly networks: NetworkDriver
}

/** `guestApi` makes the EC2 API that guests of a VPC reach. */
export async function createNetworkRoom(ground: Ground, guestApi: (vpcId: string) => Server): Promise<NetworkRoom> {
  const { store, clock, random, paths, log, processes, regions, sessions } = ground
  const metadata = createMetadataService({
    clock,
    random,
    tokenSecret: keepSecret(store, 'metadata-token-secret'),
    lookup: (vpcId, sourceIp) => findInstanceMetadata({ store, regions, sessions, clock }, vpcId, sourceIp),
    observe: (instanceId) => markMetadataRead(store, instanceId, clock.now()),
    onError: (error) => log.error({ err: error }, 'metadata request failed'),
  })
  const isRoot = process.getuid?.() === 0
  const network = createNetwork({
    processes,
    clock,
    log,
    isRoot,
    networksDirectory: paths.networks,
    metadataListener: (vpcId) => metadata.listener(vpcId),
    guestApi,
    firstUnprivilegedPort: isRoot ? 1 : await readFirstUnprivilegedPort(),
  })
  return { network, networks: createNetworkDriver({ store, network, log }) }
}

async function readFirstUnprivilegedPort(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024')
  return Number(text)
}
