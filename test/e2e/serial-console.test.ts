import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'

let lab: Lab
let imageId: string
let instanceId: string
let keyFile: string
let publicKey: string

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
  await lab.startDaemon()
  imageId = await provideImage(lab, 'nano')
  const { KeyMaterial: material = '' } = await lab.call('CreateKeyPair', { KeyName: 'guest', KeyType: 'ed25519' })
  keyFile = await lab.saveKey('guest', material)
  publicKey = (await execa('ssh-keygen', ['-y', '-f', keyFile])).stdout
  instanceId = await launch('t3.nano')
})
afterAll(async () => {
  await lab.close()
})

async function launch(type: 't2.nano' | 't3.nano'): Promise<string> {
  const { Instances = [] } = await lab.call('RunInstances', {
    ImageId: imageId,
    InstanceType: type,
    MinCount: 1,
    MaxCount: 1,
  })
  return Instances[0]?.InstanceId ?? ''
}

async function push(id: string): Promise<unknown> {
  return await lab.call('SendSerialConsoleSSHPublicKey', { InstanceId: id, SerialPort: 0, SSHPublicKey: publicKey })
}

async function ssh(id: string) {
  const { SerialConsole: where } = await lab.call('KilnGetStatus', {})
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'IdentitiesOnly=yes']
  const options = ['-F', '/dev/null', '-i', keyFile, '-p', String(where?.Port), '-tt']
  const child = spawn('ssh', [...options, ...settings.flatMap((one) => ['-o', one]), `${id}.port0@${where?.Address}`])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (said) => (text += said))
  return {
    type: (typed: string) => child.stdin.write(typed),
    shows: async (wanted: string) => {
      await until(async () => text.includes(wanted) || child.exitCode !== null)
      expect(text).toContain(wanted)
    },
    ended: once(child, 'close').then(() => text),
  }
}

test('a key is refused where EC2 would refuse it, in its words', async () => {
  await expect(push(instanceId)).rejects.toThrow('SerialConsoleAccessDisabledException')
  await lab.call('EnableSerialConsoleAccess', {})
  await expect(push('i-00000000000000000')).rejects.toThrow('EC2InstanceNotFoundException')
  const xen = await launch('t2.nano')
  await expect(push(xen)).rejects.toThrow('EC2InstanceTypeInvalidException')
  await lab.call('TerminateInstances', { InstanceIds: [xen] })
  await expect(
    lab.call('SendSerialConsoleSSHPublicKey', { InstanceId: instanceId, SSHPublicKey: 'x'.repeat(100) }),
  ).rejects.toThrow('InvalidArgsException')
  expect(await (await ssh(instanceId)).ended).toContain('Permission denied (publickey)')
})

test('who has the other half of a pushed key is at the serial console, alone, until access is disabled', async () => {
  await until(async () => {
    const { Reservations = [] } = await lab.call('DescribeInstances', { InstanceIds: [instanceId] })
    return Reservations[0]?.Instances?.[0]?.State?.Name === 'running'
  })
  expect(await push(instanceId)).toMatchObject({ Success: true })
  const session = await ssh(instanceId)
  await session.shows('login: ')
  session.type('somebody\r')
  // Typed, echoed by the guest's own terminal, and answered.
  await session.shows('somebody')
  await session.shows('Password: ')
  await expect(push(instanceId)).rejects.toThrow('SerialConsoleSessionLimitExceededException')
  await lab.call('DisableSerialConsoleAccess', {})
  expect(await session.ended).toContain('Access to serial consoles was disabled.')
  expect(await (await ssh(instanceId)).ended).toContain('Permission denied (publickey)')
})

test('a stopped server has no console', async () => {
  await lab.call('EnableSerialConsoleAccess', {})
  await lab.call('StopInstances', { InstanceIds: [instanceId], Force: true })
  await expect(push(instanceId)).rejects.toThrow('EC2InstanceStateInvalidException')
})
