import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InstanceMetadata } from '../../../src/ec2/ports/metadata.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { systemRandom as random } from '../../../src/host/random.ts'
import { createDocumentSigner } from '../../../src/metadata/document-signer.ts'
import { createMetadataService, type MetadataService } from '../../../src/metadata/service.ts'
import { fullInstance, sampleInstance } from '../../unit/metadata/sample-instance.ts'
import { type FakeGuest, networkInterface, openVpcLab, vpc, type VpcLab } from './vpc-lab.ts'

// The metadata service as guests have it: over packets, asked by the clients that ask it on EC2.
const requestsPerSecond = 200
const packetsPerSecond = 2000

let directory: string
let lab: VpcLab
let service: MetadataService
let first: FakeGuest
let second: FakeGuest
const [firstInterface, secondInterface] = [networkInterface(5), networkInterface(6)]

const later = new Date(Date.now() + 6 * 3600 * 1000)
const role = {
  name: 'web',
  profileArn: 'arn:aws:iam::123456789012:instance-profile/web',
  profileId: 'AIPA0000000000000000W',
  updatedAt: new Date(),
  credentials: () => ({ accessKeyId: 'ASIAFIRST', secretAccessKey: 's', sessionToken: 't', expiresAt: later }),
}
const instances: Record<string, InstanceMetadata> = {
  '172.31.0.5': { ...fullInstance(), role, userData: Buffer.from('#!/bin/sh\n') },
  '172.31.0.6': sampleInstance({ instanceId: 'i-0666666666666666', privateIp: '172.31.0.6' }),
}

beforeAll(async () => {
  directory = await mkdtemp('/tmp/kiln-identity-')
  service = createMetadataService({
    clock,
    random,
    tokenSecret: randomBytes(32),
    requestsPerSecond,
    signer: createDocumentSigner({ clock, keyPath: join(directory, 'key'), certificatePath: join(directory, 'pem') }),
    lookup: (_vpcId, sourceIp) => {
      const instance = instances[sourceIp]
      return instance && { instanceId: instance.instanceId, describe: () => instance }
    },
    observe: () => undefined,
    onError: (error) => {
      throw error
    },
  })
  lab = await openVpcLab(service.listener('vpc-1'), {
    linkLocalPacketsPerSecond: packetsPerSecond,
  })
  await lab.network().converge(vpc())
  first = await lab.plug('vpc-1', firstInterface)
  second = await lab.plug('vpc-1', secondInterface)
  await lab.network().converge(vpc({ interfaces: [firstInterface, secondInterface] }))
  await clock.sleep(1000)
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
  await rm(directory, { recursive: true })
})

/** JavaScript of a guest: `ask(path, options)` answers [status, body], or ['silent']. */
const askInGuest = `
  const http = require('http')
  const ask = (path, options = {}) => new Promise((resolve) => {
    const asked = http.request({ host: '169.254.169.254', path, timeout: 3000, ...options }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => resolve([response.statusCode, body]))
    })
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(['silent'])).end()
  })`

async function statuses(guest: FakeGuest, count: number, concurrency: number): Promise<(number | string)[]> {
  return await guest.evaluate(`${askInGuest}
    const seen = []
    const one = async () => { while (seen.length < ${count}) seen.push((await ask('/latest/meta-data/instance-id'))[0]) }
    await Promise.all(Array.from({ length: ${concurrency} }, one))
    return seen`)
}

test('every leaf that is listed answers, in the way that cloud-init walks', async () => {
  const { leaves, failed } = await first.evaluate<{ leaves: string[]; failed: string[] }>(`${askInGuest}
    const [, token] = await ask('/latest/api/token', { method: 'PUT', headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' } })
    const headers = { 'X-aws-ec2-metadata-token': token }
    const [leaves, failed] = [[], []]
    const patiently = async (path) => {
      for (;;) {
        const [status, body] = await ask(path, { headers })
        if (status !== 503) return [status, body]
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    const walk = async (path) => {
      const [status, body] = await patiently(path)
      if (status !== 200) return failed.push(path + ' ' + status)
      for (const name of body.split('\\n')) {
        const key = /^(\\d+)=/.exec(name)
        if (name.endsWith('/')) await walk(path + name)
        else if (key) await walk(path + key[1] + '/')
        else {
          leaves.push(path + name)
          const [status] = await patiently(path + name)
          if (status !== 200) failed.push(path + name + ' ' + status)
        }
      }
    }
    for (const version of ['2021-03-23', 'latest']) for (const part of ['meta-data', 'dynamic']) await walk('/' + version + '/' + part + '/')
    return { leaves, failed }`)
  expect(failed).toEqual([])
  expect(leaves).toContain('/2021-03-23/meta-data/iam/security-credentials/web')
  expect(leaves).toContain('/latest/dynamic/instance-identity/rsa2048')
})

test('botocore finds the credentials of the role, and the region', async () => {
  const script = `
import json
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher
found = InstanceMetadataFetcher(timeout=10, num_attempts=2).retrieve_iam_role_credentials()
print(json.dumps([found.get('role_name'), found.get('access_key'), InstanceMetadataRegionFetcher(timeout=10).retrieve_region()]))`
  const [line = ''] = (await first.run('python3', '-c', script)).split('\n')
  expect(JSON.parse(line)).toEqual(['web', 'ASIAFIRST', 'us-east-1'])
})

test("the SDK for JavaScript finds the role's credentials, and none where there is no role", async () => {
  const path = join(import.meta.dirname, '../../../node_modules/@smithy/credential-provider-imds')
  const find = (guest: FakeGuest) =>
    guest.evaluate<string>(`
      const { fromInstanceMetadata } = require('${path}')
      return await fromInstanceMetadata({ timeout: 10000, maxRetries: 0 })().then((found) => found.accessKeyId, (error) => error.name)`)
  expect(await find(first)).toBe('ASIAFIRST')
  expect(await find(second)).toMatch(/Error$/)
})

test("another's credentials are not to be had by taking its address", async () => {
  const read = `return await ask('/latest/meta-data/iam/security-credentials/web', { localAddress: '172.31.0.5' })`
  expect(await first.evaluate(`${askInGuest}\n${read}`)).toEqual([200, expect.stringContaining('ASIAFIRST')])
  await second.run('ip', 'addr', 'add', '172.31.0.5/32', 'dev', 'eth0')
  expect(await second.evaluate(`${askInGuest}\n${read}`)).toEqual(['silent'])
  await second.run('ip', 'addr', 'del', '172.31.0.5/32', 'dev', 'eth0')
  const own = `return await ask('/latest/meta-data/iam/security-credentials/web')`
  expect(await second.evaluate(`${askInGuest}\n${own}`)).toEqual([404, expect.any(String)])
})

test('a guest that asks too often is told to come again, and its neighbour is served', async () => {
  const before = service.usageOf(instances['172.31.0.5']?.instanceId ?? '').throttledCount
  const [flood, calm] = await Promise.all([statuses(first, 1500, 16), statuses(second, 20, 1)])
  expect(new Set(calm)).toEqual(new Set([200]))
  expect(flood.filter((status) => status === 200).length).toBeGreaterThan(100)
  const refused = flood.filter((status) => status === 503).length
  const { throttledCount } = service.usageOf(instances['172.31.0.5']?.instanceId ?? '')
  expect(throttledCount - before).toBe(refused)
})

test('a guest that holds all the connections it can get keeps no other one from its metadata', async () => {
  const held = first.evaluate(`
    const sockets = Array.from({ length: 60 }, () => require('net').connect(80, '169.254.169.254').on('error', () => {}))
    await new Promise((resolve) => setTimeout(resolve, 3000))
    return sockets.filter((socket) => !socket.destroyed).length`)
  expect(new Set(await statuses(second, 10, 1))).toEqual(new Set([200]))
  expect(await held).toBeLessThanOrEqual(32)
})

test('a flood of packets is dropped and counted, and the neighbour is served', async () => {
  const dropped = async () => await lab.network().droppedPackets('vpc-1')
  const before = (await dropped()).get(firstInterface.tapName)?.flood ?? 0
  const flood = first.evaluate(`
    const socket = require('dgram').createSocket('udp4')
    const message = Buffer.alloc(64)
    for (let sent = 0; sent < 20000; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, () => new Promise((resolve) => socket.send(message, 53, '169.254.169.253', resolve))))
    }
    socket.close()`)
  expect(new Set(await statuses(second, 20, 1))).toEqual(new Set([200]))
  await flood
  const after = await dropped()
  expect((after.get(firstInterface.tapName)?.flood ?? 0) - before).toBeGreaterThan(1000)
  expect(after.get(secondInterface.tapName)?.flood ?? 0).toBe(0)
  // What was counted outlives a change of the rules.
  await lab.network().converge(vpc({ interfaces: [firstInterface, secondInterface], hasDns: false }))
  expect((await dropped()).get(firstInterface.tapName)?.flood).toBeGreaterThan(1000)
})
