import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import type { AuditLog } from '../ec2/audit/audit-log.ts'
import type { Domain } from '../ec2/domain.ts'
import { dryRunOperation, Ec2Error, internalError, invalidParameterValue, unsupportedOperation } from '../ec2/errors.ts'
import { explainOutOfSpace } from '../ec2/out-of-space.ts'
import type { Filter } from '../ec2/filter.ts'
import type { CallContext, Mutation, MutationContext, Query } from '../ec2/operation.ts'
import { ensureDefaultNetwork } from '../ec2/vpc/default-network.ts'
import { auditedCallOf } from './audited-call.ts'
import type { Caller } from './caller.ts'

/** An operation as the table holds it, its types forgotten: front ends hand in what the model has validated. */
export type AnyOperation = Query<never, unknown> | AnyMutation

interface AnyMutation extends Pick<Mutation<never, unknown>, 'kind' | 'parameters' | 'isRecordOnly'> {
  prepare?(context: CallContext, input: never): Promise<unknown>
  apply(context: MutationContext, input: never, prepared: never): unknown
}

/** The one waist: every front end ends here. Rejects with Ec2Error only. */
export type Dispatch = (caller: Caller, operation: string, input: Record<string, unknown>) => Promise<unknown>

export interface DispatchDependencies {
  readonly domain: Domain
  readonly operations: ReadonlyMap<string, AnyOperation>
  readonly audit: AuditLog
  readonly clock: Clock
  readonly log: Logger
}

interface LooseQuery {
  kind: 'query'
  parameters: readonly string[]
  isAudited?: true
  filters?: readonly string[]
  answer(context: CallContext, input: Record<string, unknown>): unknown
}

interface LooseMutation {
  kind: 'mutation'
  parameters: readonly string[]
  prepare?(context: CallContext, input: Record<string, unknown>): Promise<unknown>
  apply(context: MutationContext, input: Record<string, unknown>, prepared: unknown): unknown
}

const maximumClientTokenLength = 64

/**
 * Builds the waist: what is true of every operation stands here once. Unsupported operations and parameters are refused by name,
 * a mutation is one transaction whose effects on machines follow its commit, a dry run is that transaction taken back, a client
 * token gets the first call's answer again, a read-only key changes nothing, whoever changes something or tries to is in the audit
 * log, and whatever is not an Ec2Error becomes InternalError, logged under the request id.
 */
export function createDispatch(dependencies: DispatchDependencies): Dispatch {
  const { operations, clock, audit, log } = dependencies

  return async (caller, name, input) => {
    const operation: LooseQuery | LooseMutation | undefined = operations.get(name)
    if (!operation) throw operationNotOffered(name)
    const now = clock.now()
    try {
      return await carryOut(dependencies, { caller, name, operation, input, now })
    } catch (error) {
      const told = explainOutOfSpace('the call', dependencies.domain.paths.root, error)
      const refusal = told instanceof Ec2Error ? told : internalError()
      if (refusal !== error) {
        log.error({ requestId: caller.requestId, operation: name, err: error }, 'operation failed unexpectedly')
      }
      if (isAudited(operation)) audit.recordRefused(auditedCallOf(caller, name, input, now), refusal)
      throw refusal
    }
  }
}

/** One call and the operation that it means. */
interface Call {
  readonly caller: Caller
  readonly name: string
  readonly operation: LooseQuery | LooseMutation
  readonly input: Record<string, unknown>
  readonly now: Date
}

async function carryOut(dependencies: DispatchDependencies, call: Call): Promise<unknown> {
  const { domain, audit } = dependencies
  const { caller, name, operation, input, now } = call
  if (caller.identity.isIdentityOnly && name !== 'GetCallerIdentity') {
    throw unauthorizedOperation(caller, name, 'an instance identity role allows nothing')
  }
  if (operation.kind === 'mutation' && caller.identity.isReadOnly) {
    throw unauthorizedOperation(caller, name, `the access key ${caller.identity.accessKeyId} is read-only`)
  }
  refuseUnknownParameters(name, operation.parameters, input)
  if (operation.kind === 'query') refuseUnknownFilters(name, operation.filters, input['Filters'] ?? input['Filter'])
  refuseUnknownRegion(domain, caller.region)
  const { accountId, region, requestId, identity } = caller
  const context: CallContext = { accountId, region, requestId, now, identity }
  ensureDefaultNetwork(domain, context)
  const { DryRun: isDryRun, ...rest } = input
  if (operation.kind === 'query') {
    if (isDryRun) throw dryRunOperation()
    const answer = await operation.answer(context, rest)
    if (operation.isAudited) audit.recordDone(auditedCallOf(caller, name, input, now), answer)
    return answer
  }
  const prepared = await operation.prepare?.(context, rest)
  return await applyMutation(dependencies, call, operation, context, rest, prepared, isDryRun === true)
}

/** Whether the audit log has it: what changes nothing would drown what does. */
function isAudited(operation: LooseQuery | LooseMutation): boolean {
  return operation.kind === 'mutation' || operation.isAudited === true
}

function unauthorizedOperation({ identity }: Caller, name: string, reason: string): Ec2Error {
  return new Ec2Error(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: ${identity.arn} is not authorized to perform: ec2:${name} because ` +
      `${reason}.`,
    403,
  )
}

async function applyMutation(
  { domain, audit }: DispatchDependencies,
  { caller, name, input: whole, now }: Call,
  operation: LooseMutation,
  context: CallContext,
  input: Record<string, unknown>,
  prepared: unknown,
  isDryRun: boolean,
): Promise<unknown> {
  const { store } = domain
  const token = readClientToken(input)
  const inputDigest = token === undefined ? '' : digestOf(input)
  const effects: (() => void | Promise<void>)[] = []
  const output = store.transaction(() => {
    if (token !== undefined) {
      const earlier = store.clientTokens.get(context, name, token)
      if (earlier) {
        if (earlier.inputDigest !== inputDigest) throw idempotentParameterMismatch()
        const answer = restoreAnswer(earlier.output)
        audit.recordDone(auditedCallOf(caller, name, whole, now), answer)
        return answer
      }
    }
    const answer = operation.apply({ ...context, afterCommit: (effect) => effects.push(effect) }, input, prepared)
    if (isDryRun) throw dryRunOperation()
    if (token !== undefined) {
      const { accountId, region } = context
      const createdAt = now.toISOString()
      store.clientTokens.put({
        accountId,
        region,
        operation: name,
        token,
        inputDigest,
        output: keepAnswer(answer),
        createdAt,
      })
    }
    audit.recordDone(auditedCallOf(caller, name, whole, now), answer)
    return answer
  })
  await Promise.all(effects.map(async (effect) => await effect()))
  return output
}

/** What an operation of EC2's model answers that Kiln does not have. */
export function operationNotOffered(name: string): Ec2Error {
  return unsupportedOperation(`The operation ${name} is not supported by Kiln.`)
}

function refuseUnknownParameters(name: string, parameters: readonly string[], input: Record<string, unknown>): void {
  for (const [parameter, value] of Object.entries(input)) {
    if (value === undefined || parameter === 'DryRun' || parameters.includes(parameter)) continue
    if (Array.isArray(value) && value.length === 0) continue
    throw unsupportedOperation(`The parameter ${parameter} of ${name} is not supported by Kiln.`)
  }
}

/** `tag:KEY` in the list stands for the tag filter of every key. */
function refuseUnknownFilters(operation: string, known: readonly string[] | undefined, filters: unknown): void {
  if (!known || !Array.isArray(filters)) return
  for (const { Name: name = '' } of filters as Filter[]) {
    if (known.includes(name) || (name.startsWith('tag:') && known.includes('tag:KEY'))) continue
    throw invalidParameterValue(
      'Filter',
      name.slice(0, 80),
      `The filter '${name.slice(0, 80)}' is invalid for ${operation}.`,
    )
  }
}

function refuseUnknownRegion(domain: Domain, region: string): void {
  if (domain.regions.get(region)) return
  throw new Ec2Error(
    'InvalidParameterValue',
    `The region ${region} does not exist. Set one of EC2's regions, such as us-east-1.`,
  )
}

function readClientToken(input: Record<string, unknown>): string | undefined {
  const token = input['ClientToken']
  if (typeof token !== 'string' || token === '') return undefined
  if (token.length > maximumClientTokenLength || /[^\x20-\x7e]/.test(token)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value (${token.slice(0, 80)}) for parameter clientToken is invalid. Expected at most 64 ASCII characters.`,
    )
  }
  return token
}

function digestOf(input: Record<string, unknown>): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(input)))
    .digest('hex')
}

/** The same request in another order is the same request. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (value instanceof Date) return value.toISOString()
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]))
}

/** An answer as text that keeps times apart from texts that look like one. */
function keepAnswer(answer: unknown): string {
  return JSON.stringify(answer, function mark(this: Record<string, unknown>, key: string, value: unknown) {
    const original = this[key]
    return original instanceof Date ? { $time: original.toISOString() } : value
  })
}

function restoreAnswer(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && '$time' in value ? new Date(String(value.$time)) : value,
  )
}

function idempotentParameterMismatch(): Ec2Error {
  return new Ec2Error(
    'IdempotentParameterMismatch',
    'The client token was already used for a request with other parameters. Use a new token for a new request.',
  )
}
