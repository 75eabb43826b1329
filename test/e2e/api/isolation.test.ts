import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listOperations } from '../../../scripts/parity/render.ts'
import type { AnyOperation } from '../../../src/api/dispatch.ts'
import { loadModel } from '../../../src/ec2-model/model.ts'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { inParallel } from './in-parallel.ts'
import { anonymise, inventLike, openParty, type Party } from './isolation/party.ts'
import { listTrespasses, type Parameters, requiredOf } from './isolation/trespass.ts'
import { grantKey } from './other-account.ts'
import type { RawAnswer } from './raw-query.ts'

const model = loadModel()
const { version } = model
const offered = listOperations().filter(([name]) => model.findOperation(name))
const ownerAccount = '123456789012'
const parties = new Map<string, Party>()
/** What only the owner should ever read: the ids of all that it has, and the word in its names and tags. */
let secrets: string[] = []
let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
  const other = grantKey(api, '210987654321')
  const open = async (name: string, word: string, key = api.key, region = 'us-east-1') =>
    parties.set(name, await openParty(api, { key, region, word, version }))
  await Promise.all([
    open('the owner', 'heirloom'),
    open('another account', 'neighbour', other),
    open('another region', 'elsewhere', api.key, 'eu-west-1'),
  ])
  const told = [...(await readLists(partyOf('the owner'))).values()].join('\n')
  const ids = told.match(/\b[a-z]+(-[a-z]+)*-([0-9a-f]{8}){1,2}[0-9a-f]?\b/g) ?? []
  secrets = [...new Set([...partyOf('the owner').own.values(), ...ids])].filter(isSecret)
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

function partyOf(name: string): Party {
  const party = parties.get(name)
  if (!party) throw new Error(`there is no ${name}`)
  return party
}

/** Every copied snapshot is told to be of that volume, and places have no owner. */
function isSecret(text: string): boolean {
  return text !== 'vol-ffffffff' && !text.startsWith('us-east-1')
}

function isList([name, { kind }]: readonly [string, AnyOperation]): boolean {
  return (
    kind === 'query' && /^(Describe|List)/.test(name) && !/InstanceType|SpotPrice|Region|AvailabilityZone/.test(name)
  )
}

/** All that a party is told when it asks for nothing in particular, by the operation. */
async function readLists(party: Party): Promise<ReadonlyMap<string, string>> {
  const lists = await inParallel(offered.filter(isList), async ([name]) => {
    const { body } = await party.ask(name, requiredOf(model, name))
    return [name, body.replace(/<requestId>.*?<\/requestId>/i, '')] as const
  })
  return new Map(lists)
}

function secretsFrom(stranger: string): string[] {
  return stranger === 'another account' ? [...secrets, ownerAccount] : secrets
}

function findSecrets(stranger: string, body: string, sent?: string): string[] {
  const rest = sent === undefined ? body : body.replaceAll(sent, '')
  return secretsFrom(stranger).filter((secret) => rest.includes(secret))
}

/** What an answer says but for what was sent and what is made anew each time. */
function meaningOf({ status, body }: RawAnswer, sent?: string): string {
  return `${status} ${anonymise(body, sent)}`
}

describe.each(['another account', 'another region'])('to %s', (stranger) => {
  test('whatever is named is as if it had never been, for every operation, and stays as it is', async () => {
    const owner = partyOf('the owner')
    const caller = partyOf(stranger)
    const before = await readLists(owner)
    const trespasses = offered.flatMap(([name, { parameters }]) => listTrespasses(model, name, parameters))
    expect(trespasses.length).toBeGreaterThan(400)
    const wrong = await inParallel(trespasses, async ({ operation, key, kind, others }) => {
      const real = owner.own.get(kind) ?? ''
      const invented = inventLike(kind, real)
      const toInvented = await caller.ask(operation, { ...others, [key]: invented })
      const toReal = await caller.ask(operation, { ...others, [key]: real })
      const what = `${operation} ${key}=${kind}`
      return [
        ...findSecrets(stranger, toReal.body, real).map((secret) => `${what} tells of ${secret}`),
        ...(isAboutIt(toInvented, invented) ? [] : [`${what} does not come that far: ${toInvented.body}`]),
        ...(meaningOf(toReal, real) === meaningOf(toInvented, invented)
          ? []
          : [`${what}: ${toReal.body} instead of ${toInvented.body}`]),
      ]
    })
    expect(wrong.flat()).toEqual([])
    expect(await readLists(owner)).toEqual(before)
  })

  test('nothing is listed, whatever filter asks for it', async () => {
    const caller = partyOf(stranger)
    const told = [...(await readLists(caller))].flatMap(([name, body]) =>
      findSecrets(stranger, body).map((secret) => `${name} tells of ${secret}`),
    )
    expect(told).toEqual([])
    const filters = offered.flatMap(([operation, { kind, ...rest }]) =>
      (kind === 'query' && 'filters' in rest ? (rest.filters ?? []) : []).map((filter) => ({ operation, filter })),
    )
    const found = await inParallel(filters, async ({ operation, filter }) => {
      const name = filter.replace('KEY', 'heirloom-key')
      const ask = async (values: readonly string[]) =>
        meaningOf(await caller.ask(operation, { ...requiredOf(model, operation), ...filterBy(name, values) }))
      const answer = await ask(secretsFrom(stranger))
      return answer === (await ask(['phantom'])) ? [] : [`${operation} ${filter}: ${answer}`]
    })
    expect(found.flat()).toEqual([])
  })
})

function filterBy(name: string, values: readonly string[]): Parameters {
  return Object.fromEntries([
    ['Filter.1.Name', name],
    ...values.map((value, index) => [`Filter.1.Value.${index + 1}`, value] as const),
  ])
}

/** Whether a call came as far as what it names: it was done, or refused because of it. */
function isAboutIt({ status, code = '', body }: RawAnswer, sent: string): boolean {
  return status === 200 || body.includes(sent) || /\.NotFound$|^InvalidInstanceAttributeValue$/.test(code)
}
