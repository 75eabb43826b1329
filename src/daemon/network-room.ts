import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createFlowCollector, type FlowCollector } from '../ec2/flow-log/flow-collector.ts'
import { createFlowDelivery } from '../ec2/flow-log/flow-delivery.ts'
import { createFlowWatch, type FlowWatch } from '../ec2/flow-log/flow-watch.ts'
import { createLogGroups } from '../ec2/flow-log/log-group.ts'
import { findTemplateAsker } from '../ec2/fast-launch/template-metadata.ts'
import { markMetadataRead } from '../ec2/instance/boot-stage.ts'
import { findMetadataAsker } from '../ec2/instance/metadata-view.ts'
import type { Network } from '../ec2/ports/network.ts'
import { createNetworkDriver, type NetworkDriver } from '../ec2/vpc/network-driver.ts'
import { createSpareTaps, type SpareTaps } from '../ec2/vpc/spare-taps.ts'
import { createDocumentSigner, type DocumentSigner } from '../metadata/document-signer.ts'
import { createMetadataService, type MetadataService } from '../metadata/service.ts'
import { followResolvConf, type HostServers, parseServer } from '../network/dns/resolv-conf.ts'
import { createNetwork } from '../network/network.ts'
import type { Ground } from './ground.ts'
import { keepSecret } from './kept-secret.ts'
import { StartError } from './start-error.ts'
import type { StorageRoom } from './storage-room.ts'

/** The VPCs, with the metadata service in each. */
export interface NetworkRoom {
  readonly signer: DocumentSigner
  readonly metadata: Pick<MetadataService, 'usageOf'>
  readonly network: Network
  readonly networks: NetworkDriver
  readonly spareTaps: SpareTaps
  readonly flows: FlowCollector
  readonly flowWatch: FlowWatch
}

/** `guestApi` makes the EC2 API that guests of a VPC reach. */
export async function createNetworkRoom(
  ground: Ground,
  { objects }: Pick<StorageRoom, 'objects'>,
  guestApi: (vpcId: string) => Server,
): Promise<NetworkRoom> {
  const { store, clock, random, paths, log, processes, regions, instanceTypes, sessions, activeKeys, configuration } =
    ground
  const signer = createDocumentSigner({
    clock,
    keyPath: paths.identityKey,
    certificatePath: paths.identityCertificate,
  })
  const metadata = createMetadataService({
    signer,
    requestsPerSecond: configuration.metadata.requestsPerSecond,
    clock,
    random,
    tokenSecret: keepSecret(store, 'metadata-token-secret'),
    lookup: (vpcId, sourceIp) =>
      findMetadataAsker({ store, regions, instanceTypes, sessions, activeKeys, clock }, vpcId, sourceIp) ??
      findTemplateAsker(store, vpcId, sourceIp),
    observe: (instanceId) => markMetadataRead(store, instanceId, clock.now()),
    onError: (error) => log.error({ err: error }, 'metadata request failed'),
  })
  const isRoot = process.getuid?.() === 0
  const { routed: isRouted, reachLan: reachesLan, bridges } = configuration.network
  if (isRouted && !isRoot) throw new StartError('network.routed needs root: run the daemon as root, or set it to false')
  if (bridges.length > 0 && !isRoot)
    throw new StartError('network.bridges needs root: run the daemon as root, or take the bridges out')
  const network = createNetwork({
    processes,
    clock,
    log,
    isRoot,
    isRouted,
    reachesLan,
    bridges,
    networksDirectory: paths.networks,
    metadataListener: (vpcId) => metadata.listener(vpcId),
    guestApi,
    onFlowReading: (reading) => flows.accept(reading),
    hostServers: readHostServers(ground),
    linkLocalPacketsPerSecond: configuration.metadata.packetsPerSecond,
    firstUnprivilegedPort: isRoot ? 1 : await readFirstUnprivilegedPort(),
  })
  const flowWatch = createFlowWatch(clock)
  const spareTaps = createSpareTaps()
  const networks = createNetworkDriver({
    ...{ store, network, clock, log, spareTaps },
    isWatched: (id) => flowWatch.isWatched(id),
  })
  const delivery = createFlowDelivery({ objects, logGroups: createLogGroups(paths.logGroups) })
  const flows = createFlowCollector({ store, network, networks, watch: flowWatch, delivery, clock, log })
  return { signer, metadata, network, networks, spareTaps, flows, flowWatch }
}

function readHostServers({ clock, configuration }: Ground): HostServers {
  const { resolvConf, domainServers } = configuration.dns
  const domains = Object.entries(domainServers).map(
    ([domain, texts]) => [domain, texts.flatMap((text) => parseServer(text) ?? [])] as const,
  )
  return followResolvConf({ clock, path: resolvConf, domains: new Map(domains) })
}

async function readFirstUnprivilegedPort(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024')
  return Number(text)
}
