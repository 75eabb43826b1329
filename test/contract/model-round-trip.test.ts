import * as sdk from '@aws-sdk/client-ec2'
import { describe, expect, test } from 'vitest'
import { toJson, validateInput } from '../../src/api/model-validation.ts'
import { decodeForm } from '../../src/api/query/form.ts'
import { parseQuery } from '../../src/api/query/parse-query.ts'
import { writeResponse } from '../../src/api/query/write-response.ts'
import { loadModel } from '../../src/ec2-model/model.ts'
import { createDice, createGenerator, makeValue } from './random-data.ts'

const model = loadModel()
const exported: Readonly<Record<string, unknown>> = sdk
const rounds = 3

/** A client whose requests are kept and whose answers are set. */
function createRecordingClient() {
  const exchange = { sent: '', reply: '' }
  const client = new sdk.EC2Client({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { body: string }) => {
        exchange.sent = request.body
        return { response: { statusCode: 200, headers: {}, body: new TextEncoder().encode(exchange.reply) } }
      },
    } as never,
  })
  return { client, exchange }
}

type AnyCommand = new (input: object) => Parameters<sdk.EC2Client['send']>[0]

test('the model has every operation of the SDK', () => {
  const commands = Object.keys(exported).filter((name) => name.endsWith('Command') && name !== '$Command')
  expect(model.operationNames.toSorted()).toEqual(commands.map((name) => name.slice(0, -'Command'.length)).toSorted())
})

describe('against the SDK, with random data that keeps the rules', () => {
  const inputs = createGenerator(model, createDice(42), 0.5)
  const outputs = createGenerator(model, createDice(43), 0.4)

  test('reads the input of every operation as the client meant it', async () => {
    const { client, exchange } = createRecordingClient()
    exchange.reply = '<Response/>'
    for (const operation of model.operationNames) {
      for (let round = 0; round < rounds; round++) {
        const input = makeValue(inputs, model, operation, 4)
        const Command = exported[`${operation}Command`] as AnyCommand
        await client.send(new Command(structuredClone(input)))
        const parsed = parseQuery(model, decodeForm(exchange.sent))
        expect({ operation, input: withoutClientAdditions(operation, parsed.input) }).toEqual({
          operation: parsed.operation,
          input: withoutClientAdditions(operation, input),
        })
      }
    }
  })

  test('writes the output of every operation as the client reads it', async () => {
    const { client, exchange } = createRecordingClient()
    for (const operation of model.operationNames) {
      for (let round = 0; round < rounds; round++) {
        const input = makeValue(inputs, model, operation, 4)
        const output = makeValue(outputs, model, operation, 5)
        exchange.reply = Buffer.concat(writeResponse(model, operation, output, { requestId: 'req-1' })).toString()
        const Command = exported[`${operation}Command`] as AnyCommand
        const { $metadata: _, ...read } = await client.send(new Command(input))
        expect({ operation, output: read }).toEqual({ operation, output })
      }
    }
  })

  test('reads and writes every operation as JSON', () => {
    for (const operation of model.operationNames) {
      const input = makeValue(inputs, model, operation, 4)
      const overTheWire: unknown = JSON.parse(JSON.stringify(input, encodeBytes))
      expect({ operation, input: validateInput(model, operation, overTheWire) }).toEqual({ operation, input })
      const output = makeValue(outputs, model, operation, 5)
      const expected: unknown = JSON.parse(JSON.stringify(output, encodeBytes))
      expect({ operation, output: toJson(model, operation, output) }).toEqual({ operation, output: expected })
    }
  })
})

/** The client itself adds a URL that the source region would accept. */
function withoutClientAdditions(operation: string, input: object): object {
  if (operation !== 'CopySnapshot') return input
  return Object.fromEntries(
    Object.entries(input).filter(([name]) => !['PresignedUrl', 'DestinationRegion'].includes(name)),
  )
}

function encodeBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
