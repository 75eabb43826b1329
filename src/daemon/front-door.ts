import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { auditedCallOf } from '../api/audited-call.ts'
import { createDispatch, type Dispatch } from '../api/dispatch.ts'
import { operationTable } from '../api/operations/table.ts'
import { createCallRate } from '../api/query/call-rate.ts'
import { createQueryServer } from '../api/query/server.ts'
import { createSocketServer } from '../api/socket/server.ts'
import { isKnownAccount } from '../ec2/access/access-key.ts'
import { findCredential } from '../ec2/access/find-credential.ts'
import { createAuditLog } from '../ec2/audit/audit-log.ts'
import type { Domain } from '../ec2/domain.ts'
import { openConsoleLog } from '../ec2/instance/console.ts'
import { loadModel } from '../ec2-model/model.ts'
import type { Ground } from './ground.ts'
import { createHostDns } from './host-dns.ts'
import { createStreamOpener } from './instance-stream.ts'
import { createSerialConsoleDoor } from './serial-console-door.ts'
import { createVpcStreamOpener } from './vpc-stream.ts'
import { listenAtEndpoint, listenOn } from './listen.ts'
import { projectRoot } from '../host/installation.ts'
import type { Rooms } from './rooms.ts'

/** The way in: the table of operations, and the servers that callers reach it by. */
export interface FrontDoor {
  readonly dispatch: Dispatch
  /** The EC2 API for the guests of a VPC; not listening yet. */
  createGuestApi(vpcId: string): Server
  /**
   * Listens for callers, at the endpoint and on the unix socket; answers the endpoint's URL. `end` is called when a caller asks for the
   * daemon's end. Throws StartError.
   */
  open(end: (options: { machines: boolean }) => void): Promise<string>
  close(): void
}

export async function createFrontDoor(
  ground: Ground,
  domain: Domain,
  rooms: Rooms,
  startedAt: Date,
): Promise<FrontDoor> {
  const hostDns = createHostDns(ground)
  const openStream = createStreamOpener(ground, rooms)
  const serialConsoleDoor = createSerialConsoleDoor(ground, domain, openStream)
  const { store, clock, random, log, events, sessions, paths, configuration } = ground
  const { id: accountId, defaultRegion } = configuration.account
  let endpointUrl = ''
  let servers: readonly Server[] = []
  const operations = operationTable(domain, {
    network: rooms.network.network,
    metadataUsageOf: (instanceId) => rooms.network.metadata.usageOf(instanceId),
    identityCertificate: () => rooms.network.signer.certificate(),
    disks: rooms.storage.disks,
    builder: rooms.images.builder,
    flattener: rooms.storage.flattener,
    catalog: rooms.images.catalog,
    chooseAccelerator: () => rooms.machines.accelerators.choose('x86_64'),
    daemon: { version: await readVersion(), startedAt, defaultRegion },
    endpointUrl: () => endpointUrl,
    hostDns,
    serialConsole: () => serialConsoleDoor.status(),
  })
  const audit = createAuditLog({ store, log })
  const dispatch = createDispatch({ domain, operations, audit, clock, log })
  const shared = { model: loadModel(), dispatch, isOffered: (name: string) => operations.has(name), random, log }

  const callRate = createCallRate(clock, (id) => domain.faults.callsPerSecond(id))

  function createEndpoint(place: { vpcId?: string }): Server {
    return createQueryServer({
      ...shared,
      ...place,
      clock,
      admit: (id) => callRate.take(id),
      findCredential: (accessKeyId, token) => findCredential({ store, sessions }, accessKeyId, token, clock.now()),
    })
  }

  function createSocket(end: (options: { machines: boolean }) => void): Server {
    return createSocketServer({
      ...shared,
      events,
      accountId,
      isKnownAccount: (id) => isKnownAccount(store, id),
      defaultRegion,
      openStream,
      openVpcStream: createVpcStreamOpener(ground, rooms),
      openConsoleLog: (caller, instanceId, options) => openConsoleLog(domain, caller, instanceId, options),
      shutDown: (caller, options) => {
        audit.recordDone(auditedCallOf(caller, 'KilnShutDown', options, clock.now()), {})
        end(options)
      },
    })
  }

  return {
    dispatch,
    createGuestApi: (vpcId) => createEndpoint({ vpcId }),
    open: async (end) => {
      const [endpoint, socket] = [createEndpoint({}), createSocket(end)]
      servers = [endpoint, socket]
      await hostDns.open()
      await serialConsoleDoor.open()
      endpointUrl = await listenAtEndpoint(endpoint, configuration.endpoint)
      await fsExtra.remove(paths.socket)
      await listenOn(socket, { path: paths.socket })
      await fsExtra.chmod(paths.socket, 0o600)
      return endpointUrl
    },
    close: () => {
      hostDns.close()
      serialConsoleDoor.close()
      const [endpoint, socket] = servers
      endpoint?.close()
      // Whoever asked for the end over the socket is still to be answered.
      endpoint?.closeAllConnections()
      socket?.close()
    },
  }
}

async function readVersion(): Promise<string> {
  const manifest = await readFile(join(projectRoot, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
