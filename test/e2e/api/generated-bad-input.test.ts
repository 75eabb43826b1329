import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../../src/ec2-model/model.ts'
import { kilnInputs } from '../../../src/api/kiln-operations.ts'
import { listBadJson } from '../../contract/generated/bad-json.ts'
import { listBadQueries } from '../../contract/generated/bad-query.ts'
import { createDice, createGenerator, makeValue } from '../../contract/random-data.ts'
import { createRandom } from '../random.ts'
import { type ApiLab, openApiLab, refusalOfSocket, takeInventory } from './api-lab.ts'
import { inParallel } from './in-parallel.ts'
import { sendRaw } from './raw-query.ts'

const model = loadModel()
const version = `Version=${model.version}`
/** Nonsense that keeps the model's rules, for each operation. */
const nonsenseRounds = 5
const patience = 300_000
/** The codec alone is tried with all that is wrong: test/contract/generated-bad-input.test.ts. */
const everyOther = 7

let api: ApiLab
let offered: string[] = []

beforeAll(async () => {
  api = await openApiLab()
  const answers = await inParallel(model.operationNames, async (name) => ({
    name,
    answer: await sendRaw(api.endpointUrl, { parameters: `Action=${name}&${version}&Nonsense=1`, key: api.key }),
  }))
  offered = answers.filter(({ answer }) => answer.code !== 'UnsupportedOperation').map(({ name }) => name)
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function readResidentKib(): Promise<number> {
  const { pid } = JSON.parse(await readFile(join(api.lab.home, 'daemon.json'), 'utf8')) as { pid: number }
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}

test(
  'what the model forbids gets an error document from every operation, by POST and GET, and changes nothing',
  async () => {
    expect(offered.length).toBeGreaterThan(30)
    const before = await takeInventory(api)
    const requests = offered.flatMap((name) =>
      listBadQueries(model, name).map(
        (query, index) => ({ name, method: index % 4 === 3 ? 'GET' : 'POST', ...query }) as const,
      ),
    )
    const answers = await inParallel(requests, async ({ name, what, form, codes, method }) => {
      const parameters = [`Action=${name}`, version, ...(form === '' ? [] : [form])].join('&')
      // What does not fit into a request line is sent in a body.
      const { status, code, message, requestId } = await sendRaw(api.endpointUrl, {
        parameters,
        method: parameters.length > 16_000 ? 'POST' : method,
        key: api.key,
      })
      const isRefusal = status >= 400 && status < 500 && codes.includes(code ?? '') && message && requestId
      return isRefusal ? [] : [`${name} ${what}: ${status} ${code}`]
    })
    expect(answers.flat()).toEqual([])
    expect(await takeInventory(api)).toEqual(before)
  },
  patience,
)

test(
  'what the model forbids, lists of ten thousand and members of another type are refused by the socket, and change nothing',
  async () => {
    const before = await takeInventory(api)
    const requests = [
      ...offered.flatMap((name) => [
        ...listBadJson(model, name)
          // What JSON can write.
          .filter(({ what }, index) => index % everyOther === 0 && !what.endsWith('not finite'))
          .map((bad) => ({ name, ...bad })),
        ...listLongLists(name),
      ]),
      ...Object.entries(kilnInputs).flatMap(([name, schema]) =>
        ['Nonsense', ...Object.keys(schema.shape)].map((member) => ({
          name,
          what: `${member} nested`,
          input: { [member]: [[{ a: 1 }]] },
          codes: ['InvalidParameterValue', 'UnsupportedOperation'],
        })),
      ),
    ]
    const answers = await inParallel(requests, async ({ name, what, input, codes }) => {
      const { code, message } = (await refusalOfSocket(api, name, input)) ?? { code: 'nothing', message: '' }
      const isRefusal = (codes.length === 0 || codes.includes(code)) && !['nothing', 'InternalError'].includes(code)
      return isRefusal && message !== '' ? [] : [`${name} ${what}: ${code} ${message}`]
    })
    expect(answers.flat()).toEqual([])
    expect(await takeInventory(api)).toEqual(before)
  },
  patience,
)

/** The first list of texts that an operation takes, with more of what is nothing than anybody means. */
function listLongLists(
  name: string,
): { name: string; what: string; input: Record<string, unknown>; codes: string[] }[] {
  const { input = '' } = model.findOperation(name) ?? {}
  const shape = input === '' ? undefined : model.shapeOf(input)
  if (shape?.type !== 'structure') return []
  const list = [...shape.members.values()].find(({ name: member, shape: of }) => {
    const inner = model.shapeOf(of)
    return member.endsWith('Ids') && inner.type === 'list' && model.shapeOf(inner.item).type === 'string'
  })
  if (!list) return []
  const items = Array.from({ length: 10_000 }, (_item, index) => `x-${index}`)
  return [{ name, what: `${list.name} of ten thousand`, input: { [list.name]: items }, codes: [] }]
}

test(
  'nonsense that keeps the rules of the model is answered by every operation with what EC2 has for it',
  async () => {
    const random = createRandom(process.env['KILN_TEST_SEED'])
    console.log(`the nonsense comes from KILN_TEST_SEED=${random.seed}`)
    const generator = createGenerator(model, createDice(random.below(2 ** 31)), 0.3)
    const before = await takeInventory(api)
    const calls = offered
      .filter((name) => model.findOperation(name)?.input !== undefined)
      .flatMap((name) =>
        Array.from({ length: nonsenseRounds }, () => ({
          name, // A dry run, whatever it is, changes nothing.
          input: { ...makeValue(generator, model, name, 4), DryRun: true },
        })),
      )
    const answers = await inParallel(calls, async ({ name, input }) => {
      const code = await codeOf(name, input)
      return code === 'InternalError' ? [`${name} ${JSON.stringify(input)}`] : []
    })
    expect(answers.flat()).toEqual([])
    expect(await takeInventory(api)).toEqual(before)
  },
  patience,
)

async function codeOf(name: string, input: object): Promise<string | undefined> {
  const commands = sdk as unknown as Record<string, new (input: object) => sdk.DescribeInstancesCommand>
  const Command = commands[`${name}Command`]
  if (!Command) throw new Error(`the SDK has no ${name}`)
  try {
    await api.client.send(new Command(input))
    return undefined
  } catch (error) {
    if (error instanceof sdk.EC2ServiceException) return error.name
    throw error
  }
}

test(
  'bad input leaves no memory behind',
  async () => {
    const [name = ''] = offered
    const forms = listBadQueries(model, name).map(({ form }) => form)
    const send = async () =>
      await inParallel(
        Array.from({ length: 3000 }, (_, index) => forms[index % forms.length] ?? ''),
        async (form) =>
          await sendRaw(api.endpointUrl, { parameters: `Action=${name}&${version}&${form}`, key: api.key }),
      )
    await send()
    const warm = await readResidentKib()
    await send()
    await send()
    expect(await readResidentKib()).toBeLessThan(warm * 1.25)
  },
  patience,
)
