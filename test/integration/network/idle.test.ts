import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { findProcesses } from '../../../src/host/process-table.ts'
import { anywhere, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

const used = vpc({ groups: [group('sg-1', [anywhere])], interfaces: [networkInterface(5, { groupIds: ['sg-1'] })] })
const idle = vpc({ groups: [group('sg-1', [anywhere])] })

async function openLab(idleMs?: number): Promise<VpcLab> {
  return await openVpcLab((_, response) => response.end('metadata'), idleMs === undefined ? {} : { idleMs })
}

/** What runs for the lab's networks: pid and program. */
async function processesOf(lab: VpcLab): Promise<string[]> {
  const found = await findProcesses((argv) => argv.some((argument) => argument.includes(lab.networksDirectory)))
  return found.map(({ pid, argv }) => `${pid} ${basename(argv[0] ?? '')}`).sort()
}

/** pasta leaves the process that was started and tells in its file which one it has become. */
async function isComplete(lab: VpcLab): Promise<boolean> {
  const pasta = await readFile(join(lab.networksDirectory, 'vpc-1/pasta.pid'), 'utf8').catch(() => '')
  const running = await processesOf(lab)
  const has = (program: string) => running.some((entry) => entry.includes(` ${program}`))
  return (
    // Of the namespace's holder, the user namespace's, dnsmasq and pasta.
    running.length === 4 &&
    has('tail') &&
    has('dnsmasq') &&
    running.some((entry) => entry.startsWith(`${pasta.trim()} pasta`))
  )
}

test('a namespace whose last machine has ended waits for the next one, without its tap', async () => {
  const lab = await openLab()
  await lab.network().converge(used)
  await until(async () => await isComplete(lab))
  const before = await processesOf(lab)
  await lab.network().idle(idle)
  expect(await lab.inside('vpc-1', 'ip', '-br', 'link')).not.toContain('eni')
  await lab.network().converge(used)
  expect(await lab.inside('vpc-1', 'ip', '-br', 'link')).toContain('eni')
  expect(await processesOf(lab)).toEqual(before)
  expect(await lab.close(['vpc-1'])).toEqual([])
})

test('it ends when no machine comes', async () => {
  const lab = await openLab(100)
  await lab.network().converge(used)
  await lab.network().idle(idle)
  await until(async () => (await processesOf(lab)).length === 0)
  await until(async () => (await readdir(lab.networksDirectory)).length === 0)
  expect(await lab.close([])).toEqual([])
})

test('it does not outlive the daemon', async () => {
  const lab = await openLab()
  await lab.network().converge(used)
  await lab.network().idle(idle)
  expect(await lab.close([])).toEqual([])
})

test('a VPC without a namespace gets none', async () => {
  const lab = await openLab()
  await lab.network().idle(idle)
  expect(await lab.close([])).toEqual([])
})

/** Asks for an address as a booting machine does, until one is acknowledged. The body of a program that runs in a guest. */
function leaseFor(mac: string): string {
  return `
    const { createSocket } = await import('node:dgram')
    const socket = createSocket('udp4')
    await new Promise((resolve) => socket.bind(68, resolve))
    socket.setBroadcast(true)
    const ask = (type, options) => {
      const packet = Buffer.alloc(240)
      packet.set([1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80])
      packet.set(Buffer.from('${mac}'.replaceAll(':', ''), 'hex'), 28)
      packet.writeUInt32BE(0x63825363, 236)
      socket.send(Buffer.concat([packet, Buffer.from([53, 1, type, ...options, 255])]), 67, '255.255.255.255')
    }
    const discover = setInterval(() => ask(1, []), 500)
    return await new Promise((resolve) => {
      socket.on('message', (answer) => {
        const address = answer.subarray(16, 20)
        if (answer[242] === 2) ask(3, [50, 4, ...address, 54, 4, ...answer.subarray(answer.indexOf(Buffer.from([54, 4])) + 2).subarray(0, 4)])
        if (answer[242] !== 5) return
        clearInterval(discover)
        socket.close()
        resolve([...address].join('.'))
      })
    })`
}

test('an address goes to the next interface although its last owner never gave the lease back', async () => {
  const lab = await openLab()
  await lab.network().converge(idle)
  for (const number of [5, 6]) {
    const next = networkInterface(number, { privateIp: '172.31.0.5', groupIds: ['sg-1'] })
    const guest = await lab.plug('vpc-1', next)
    await lab.network().converge({ ...used, interfaces: [next] })
    expect(await guest.evaluate(leaseFor(next.mac))).toBe('172.31.0.5')
    await lab.network().idle(idle)
  }
  expect(await lab.close(['vpc-1'])).toEqual([])
})
