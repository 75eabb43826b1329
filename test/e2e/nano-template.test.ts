import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diskOf } from './images.ts'
import { until } from './lab.ts'

/**
 * nano as the guest of a template, with QEMU and nothing of Kiln's around it: it cannot tell whether it was frozen between what it says and
 * what it is told.
 */

const run = promisify(execFile)
const address = '10.0.2.15'

/** A key as OpenSSH and as the identity have it. */
function makeHostKey(): { hex: string; line: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
  const open = Buffer.from(x, 'base64url')
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  return {
    hex: Buffer.concat([Buffer.from(d, 'base64url'), open]).toString('hex'),
    line: `ssh-ed25519 ${Buffer.concat([field(Buffer.from('ssh-ed25519')), field(open)]).toString('base64')}`,
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

describe('nano in a template', () => {
  let directory = ''
  let qemu: ReturnType<typeof spawn>
  let port: Socket
  let sshPort = 0
  const lines: string[] = []
  const hostKey = makeHostKey()
  const machineId = randomBytes(16).toString('hex')
  const identity: Record<string, string> = {
    version: '1',
    'instance-id': 'i-0123456789abcdef0',
    // Long past, so that nothing but this sets the guest's clock to it.
    time: '981173106.5',
    seed: randomBytes(64).toString('hex'),
    'machine-id': machineId,
    hostname: 'ip-10-0-2-15',
    fqdn: 'ip-10-0-2-15.ec2.internal',
    'interface-mac': '0a:ff:00:00:00:01',
    'interface-address': `${address}/24`,
    'interface-gateway': '10.0.2.2',
    'interface-dns': '10.0.2.3',
    'interface-domain': 'ec2.internal',
    'interface-mtu': '1400',
    'ssh-host-key': hostKey.hex,
    'wait-for': 'ssh',
    'something-new': 'which nobody knows',
  }

  beforeAll(async () => {
    directory = await mkdtemp('/tmp/kiln-nano-template-')
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'key')])
    const disk = await diskOf('nano')
    sshPort = await findFreePort()
    const socket = join(directory, 'port.sock')
    qemu = spawn(
      'qemu-system-x86_64',
      [
        ...[
          '-machine',
          'q35',
          '-m',
          '512',
          '-display',
          'none',
          '-no-reboot',
          '-smbios',
          'type=1,family=kiln-template:booted',
        ],
        ...['-drive', `file=${disk},format=qcow2,if=virtio,snapshot=on`],
        ...['-nic', `user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:${sshPort}-${address}:22`],
        ...['-chardev', `socket,id=template,path=${socket},server=on,wait=off`, '-device', 'virtio-serial-pci'],
        ...['-device', 'virtserialport,chardev=template,name=org.kiln.template.0'],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    )
    await until(async () => {
      port = connect(socket)
      return await once(port, 'connect').then(
        () => true,
        () => false,
      )
    })
    createInterface({ input: port }).on('line', (line) => {
      if (line === 'TIME') port.write(`time=${identity['time']}\nEND\n`)
      else lines.push(line)
    })
  })
  afterAll(async () => {
    port?.destroy()
    const ended = once(qemu, 'close')
    qemu.kill('SIGKILL')
    await ended
    await rm(directory, { recursive: true, force: true })
  })

  async function hear(): Promise<string> {
    await until(async () => lines.length > 0)
    return lines.shift() ?? ''
  }
  async function tell(change: Record<string, string | undefined> = {}): Promise<string> {
    const { stdout: loginKey } = await run('ssh-keygen', ['-y', '-f', join(directory, 'key')])
    const all = Object.entries({ ...identity, 'login-key': loginKey.trim(), ...change })
    const text = all.map(([key, value]) => (value === undefined ? '' : `${key}=${value}\n`)).join('')
    // In pieces, as a slow host might.
    port.write(text.slice(0, 100))
    port.write(`${text.slice(100)}END\n`)
    return await hear()
  }
  async function runInGuest(command: string): Promise<string> {
    const knownHosts = join(directory, 'known-hosts')
    await writeFile(knownHosts, `[127.0.0.1]:${sshPort} ${hostKey.line}\n`)
    const options = [
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${knownHosts}`,
      'BatchMode=yes',
      'IdentitiesOnly=yes',
    ]
    const { stdout } = await run('ssh', [
      ...options.flatMap((option) => ['-o', option]),
      ...['-i', join(directory, 'key'), '-p', String(sshPort), 'ec2-user@127.0.0.1', command],
    ])
    return stdout.trim()
  }

  test('says that it waits', async () => {
    expect(await hear()).toBe('READY booted 1')
  })

  test.each([
    ['a value that is not what it should be', { seed: 'short' }, 'ERROR the value of seed is not what it should be'],
    ['an address that is none', { 'interface-address': '10.0.2.256/24' }, /^ERROR the value of interface-address /],
    ['another version', { version: '2' }, /^ERROR the value of version /],
    ['what lacks a key', { 'ssh-host-key': undefined }, 'ERROR ssh-host-key is missing'],
  ])('refuses %s and waits on', async (_what, change, answer) => {
    expect(await tell(change)).toEqual(typeof answer === 'string' ? answer : expect.stringMatching(answer))
  })

  test('is the server that it is told to be, by the host key and for the login key that it is told', async () => {
    expect(await tell()).toBe('UP')
    expect(await runInGuest('hostname; cat /etc/machine-id; date +%Y-%m-%d; cat /etc/hosts')).toBe(
      `ip-10-0-2-15
${machineId}
2001-02-03
127.0.0.1 localhost
127.0.1.1 ip-10-0-2-15.ec2.internal ip-10-0-2-15`,
    )
    expect(await runInGuest('cat /sys/class/net/eth0/address; ip route | head -n 1')).toBe(
      '0a:ff:00:00:00:01\ndefault via 10.0.2.2 dev eth0',
    )
  })

  test('takes up a lease without letting go of its address', async () => {
    // QEMU's leases have no domain, what it was told has. A connection that was made before lives on over it.
    expect(await runInGuest('while grep -q search /etc/resolv.conf; do sleep 1; done; ip -4 addr show eth0')).toContain(
      `inet ${address}/24`,
    )
  })
})
