import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import type { Caller } from '../../src/api/caller.ts'
import type { Dispatch } from '../../src/api/dispatch.ts'
import { createQueryServer, type QueryCredential, type QueryLimits } from '../../src/api/query/server.ts'
import type { Ec2Model } from '../../src/ec2-model/model.ts'
import { type Clock, systemClock } from '../../src/host/clock.ts'
import { systemRandom } from '../../src/host/random.ts'

/** A call that reached dispatch. */
export interface RecordedCall {
  readonly caller: Caller
  readonly operation: string
  readonly input: unknown
}

/** The query front end over an invented dispatch, listening. */
export interface Endpoint {
  readonly url: string
  readonly port: number
  readonly calls: readonly RecordedCall[]
  readonly logLines: readonly string[]
  close(): Promise<void>
}

export const accessKeyId = 'AKIAKILNEXAMPLE00001'
export const secretAccessKey = 'kilnSecret/with+signs=0123456789abcdefgh'
/** A temporary credential. */
export const sessionKeyId = 'ASIAKILNEXAMPLE00001'
export const sessionToken = 'token/with+signs=='

function findCredential(id: string, token: string | undefined): QueryCredential | undefined {
  const isSession = id === sessionKeyId && token === sessionToken
  if (!isSession && !(id === accessKeyId && token === undefined)) return undefined
  const accountId = isSession ? '210987654321' : '123456789012'
  const identity = { arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId: id }
  return { accountId, secret: secretAccessKey, identity }
}

/** Starts the front end on a free port of the loopback. */
export async function startEndpoint(
  model: Ec2Model,
  answer: (operation: string, input: Record<string, unknown>, caller: Caller) => unknown,
  options: { limits?: QueryLimits; clock?: Clock } = {},
): Promise<Endpoint> {
  const calls: RecordedCall[] = []
  const logLines: string[] = []
  const dispatch: Dispatch = async (caller, operation, input) => {
    calls.push({ caller, operation, input })
    return answer(operation, input, caller)
  }
  const server = createQueryServer({
    model,
    dispatch,
    isOffered: () => true,
    findCredential,
    admit: () => undefined,
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: pino({ level: 'trace' }, { write: (line) => void logLines.push(line) }),
    ...(options.limits ? { limits: options.limits } : {}),
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, calls, logLines, close: () => closeServer(server) }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}
