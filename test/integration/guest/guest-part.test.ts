import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished, expect, test } from 'vitest'
import nacl from 'tweetnacl'
import { packGuestPart } from '../../../src/daemon/guest-part.ts'

const execute = promisify(execFile)
const guestPart = join(import.meta.dirname, '../../../images/guest')
const program = join(guestPart, 'root/usr/lib/kiln/template')
const generator = join(guestPart, 'root/usr/lib/systemd/system-generators/kiln-template')

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-guest-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

/** A root file system of empty files. */
async function makeRoot(paths: readonly string[]): Promise<string> {
  const root = await makeDirectory()
  for (const path of ['usr/lib/os-release', ...paths]) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
  return root
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length))
    .sort()
}

/** Runs Python with the modules of the program; what it prints as JSON. */
async function python(code: string, ...argv: readonly string[]): Promise<unknown> {
  const { stdout } = await execute('python3', ['-S', '-B', '-c', `import json, sys\n${code}`, ...argv], {
    env: { ...process.env, PYTHONPATH: program },
  })
  return JSON.parse(stdout)
}

const needed = ['usr/lib/systemd/systemd', 'usr/bin/cloud-init', 'usr/bin/python3', 'usr/sbin/sshd', 'usr/sbin/ip']

test('is installed into a root file system, over an earlier one, from the archive that images are prepared by', async () => {
  const root = await makeRoot([...needed, 'usr/lib/kiln/template/gone.py', 'usr/lib/kiln/instance-connect-keys'])
  const unpacked = await makeDirectory()
  await writeFile(join(unpacked, 'archive'), await packGuestPart(guestPart))
  // As in /run of a server, where nothing may be executed.
  const mountPoint = await makeDirectory()
  const script = 'mount -t tmpfs -o noexec tmpfs "$1" && tar -xf "$2" -C "$1" --no-same-owner && sh "$1/install" "$3"'
  await execute('unshare', [
    ...['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'],
    ...[mountPoint, join(unpacked, 'archive'), root],
  ])
  const installed = (await filesOf(root)).filter((path) => !needed.includes(path.slice(1)))
  expect(installed).toEqual(
    [...(await filesOf(join(guestPart, 'root'))), '/usr/lib/kiln/instance-connect-keys', '/usr/lib/os-release'].sort(),
  )
  for (const path of ['usr/lib/systemd/system-generators/kiln-template', 'usr/lib/kiln/template/stage'])
    expect((await stat(join(root, path))).mode & 0o777).toBe(0o755)
  expect((await stat(join(root, 'usr/lib/systemd/system/kiln-template-booted.service'))).mode & 0o777).toBe(0o644)
})

test.each([
  ['usr/lib/systemd/systemd', 'it has no systemd'],
  ['usr/bin/cloud-init', 'it has no cloud-init'],
  ['usr/bin/python3', 'it has no Python 3 as /usr/bin/python3'],
  ['usr/sbin/sshd', 'it has no OpenSSH server'],
])('refuses a system without %s, and changes nothing in it', async (lacking, reason) => {
  const root = await makeRoot(needed.filter((path) => path !== lacking))
  const before = await filesOf(root)
  await expect(execute('sh', [join(guestPart, 'install'), root])).rejects.toMatchObject({
    stderr: `kiln: this image cannot be made a warm template of: ${reason}\n`,
  })
  expect(await filesOf(root)).toEqual(before)
})

/** What the generator makes where the system's family is that; other files of the system as told. Answers their texts as well. */
async function generateAll(family: string, system: Record<string, string> = {}): Promise<Map<string, string>> {
  const directory = await makeDirectory()
  for (const [path, text] of Object.entries({ 'sys/class/dmi/id/product_family': family, ...system })) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  const script = (await readFile(generator, 'utf8')).replace('\nroot=\n', `\nroot=${directory}\n`)
  await writeFile(join(directory, 'generator'), script)
  await chmod(join(directory, 'generator'), 0o755)
  const units = join(directory, 'units')
  await execute(join(directory, 'generator'), [units, join(directory, 'early'), join(directory, 'late')])
  const paths = (await readdir(units, { recursive: true }).catch((): string[] => [])).sort()
  const readText = async (path: string) => await readFile(join(units, path), 'utf8').catch(() => '')
  return new Map(await Promise.all(paths.map(async (path) => [path, await readText(path)] as const)))
}

async function generate(family: string): Promise<string[]> {
  return [...(await generateAll(family)).keys()]
}

const cloudInit = {
  'usr/bin/cloud-init': '#!/usr/bin/python3\n# -*- coding: utf-8 -*-\n',
  'sys/fs/cgroup/cgroup.procs': '1\n',
  'usr/lib/systemd/system/cloud-init-local.service': `[Unit]
Before=network-pre.target
[Service]
Type=oneshot
ExecStart=/usr/bin/cloud-init init --local
ExecStart=/bin/touch /run/cloud-init/network-config-ready
RemainAfterExit=yes
`,
  'lib/systemd/system/cloud-final.service':
    '[Service]\nType=oneshot\nExecStart=/usr/bin/cloud-init modules --mode=final\n',
}
const [client, server] = [
  '/usr/lib/kiln/template/stage /usr/bin/cloud-init',
  '/usr/lib/kiln/template/stage_server.py /usr/bin/cloud-init',
]
const dropIn = (unit: string) => `${unit}.service.d/90-kiln-template.conf`

test('has the stages of cloud-init done by a process that has loaded them, in the template and in clones that boot on', async () => {
  const booted = await generateAll('kiln-template:booted\n', cloudInit)
  expect(booted.get(dropIn('cloud-init-local'))).toBe(
    `[Service]\nExecStart=\nExecStart=${client} init --local\nExecStart=/bin/touch /run/cloud-init/network-config-ready\n`,
  )
  expect(booted.get(dropIn('cloud-final'))).toBe(`[Service]\nExecStart=\nExecStart=${client} modules --mode=final\n`)
  expect([...booted.keys()]).toContain('sysinit.target.wants/kiln-template-stages.service')
  expect([...booted.keys()]).not.toContain(dropIn('kiln-template-stages'))
  const early = await generateAll('kiln-template:before-cloud-init\n', cloudInit)
  expect(early.get(dropIn('kiln-template-stages'))).toContain(`${server} modules --mode=final\n`)
})

test.each([
  ['a program that is none in Python', { 'usr/bin/cloud-init': '#!/bin/sh\n' }],
  ['an enforcing SELinux', { 'sys/fs/selinux/enforce': '1\n' }],
  [
    'units that somebody has changed, or that are of another kind',
    {
      'etc/systemd/system/cloud-init-local.service': '',
      'lib/systemd/system/cloud-final.service': '[Service]\nType=notify\nExecStart=/usr/bin/cloud-init --all-stages\n',
    },
  ],
])('leaves the stages as they are with %s', async (_what, system) => {
  const made = [...(await generateAll('kiln-template:before-cloud-init\n', { ...cloudInit, ...system })).keys()]
  expect(made).toEqual(['sysinit.target.wants', 'sysinit.target.wants/kiln-template-gate.service'])
})

test('starts nothing but in a boot that is to become a template', async () => {
  expect(await generate('')).toEqual([])
  expect(await generate('Virtual Machine\n')).toEqual([])
  expect(await generate('kiln-template:another\n')).toEqual([])
  expect(await generate('kiln-template:before-cloud-init\n')).toEqual([
    'sysinit.target.wants',
    'sysinit.target.wants/kiln-template-gate.service',
  ])
  expect(await generate('kiln-template:booted\n')).toEqual([
    'multi-user.target.wants',
    'multi-user.target.wants/kiln-template-booted.service',
    ...['ssh.service', 'ssh.socket', 'sshd.service', 'sshd.socket'].flatMap((unit) => [
      `${unit}.d`,
      `${unit}.d/90-kiln-template.conf`,
    ]),
  ])
})

test('writes a host key that OpenSSH reads', async () => {
  const directory = await makeDirectory()
  const { publicKey, secretKey } = nacl.sign.keyPair()
  const digits = Buffer.concat([secretKey.subarray(0, 32), publicKey]).toString('hex')
  const [file, line] = (await python(
    'from host_key import encode_host_key\nprint(json.dumps(encode_host_key(sys.argv[1], "root@web")))',
    digits,
  )) as [string, string]
  await writeFile(join(directory, 'key'), file, { mode: 0o600 })
  const { stdout } = await execute('ssh-keygen', ['-y', '-f', join(directory, 'key')])
  expect(stdout).toBe(line)
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64')
  expect(blob.subarray(-32)).toEqual(Buffer.from(publicKey))
})

test('gives the interface what the host says, and takes its own route back when there is another', async () => {
  const code = `
import os, subprocess
from identity import Identity, sample
from own_interface import OwnInterface
run = lambda *words: subprocess.run(words, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
run('ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two')
run('ip', 'link', 'set', 'two', 'up')
interface, identity = OwnInterface('one'), Identity(sample)
interface.bring_up(identity)
# As a second time does no harm.
interface.bring_up(identity)
link = json.loads(run('ip', '-j', 'address', 'show', 'dev', 'one'))[0]
(inet,) = [one for one in link['addr_info'] if one['family'] == 'inet']
routes = lambda: [line.strip() for line in run('ip', 'route', 'show', 'default').splitlines()]
interface.drop_own_route(identity)
alone = routes()
run('ip', 'route', 'add', 'default', 'via', '192.0.2.1', 'dev', 'one', 'metric', '100')
interface.drop_own_route(identity)
print(json.dumps([link['address'], link['mtu'], inet['local'], inet['prefixlen'], inet['broadcast'], alone, routes()]))
`
  const { stdout } = await execute('unshare', ['-rn', 'python3', '-S', '-B', '-c', `import json, sys\n${code}`], {
    env: { ...process.env, PYTHONPATH: program },
  })
  expect(JSON.parse(stdout)).toEqual([
    ...['02:00:00:00:00:01', 1500, '192.0.2.2', 24, '192.0.2.255'],
    ['default via 192.0.2.1 dev one proto static onlink'],
    ['default via 192.0.2.1 dev one metric 100'],
  ])
})

test('takes nothing for an identity that the host has not ended, and passes over what it does not know', async () => {
  const code = `
import os, pty, socket, threading, time
from host_port import HostPort
from identity import Identity
class Port(HostPort):
    pieces = [b'hostname=half\\ninstance', b'', b'', b'hostname=web\\nnew=thing\\ninterface-dns=1\\ninterface', b'-dns=2\\nEND\\n']
    def _read(self):
        return self.pieces.pop(0)
identity = Identity(Port(None).receive())
print(json.dumps([identity.get('hostname'), identity.get_all('interface-dns'), identity.get('login-key')]))
`
  expect(await python(code)).toEqual(['web', ['1', '2'], null])
})

test('renames the host in /etc/hosts, and nothing that only looks like it', async () => {
  const hosts =
    '127.0.0.1 localhost\n127.0.1.1 ip-10-0-0-5.ec2.internal ip-10-0-0-5\n10.0.0.9 ip-10-0-0-55 my-ip-10-0-0-5\n'
  const code = `
from own_state import rename_in_hosts
print(json.dumps([rename_in_hosts(sys.argv[1], name, 'web', 'web.example') for name in ('ip-10-0-0-5', 'localhost')]))
`
  expect(await python(code, hosts)).toEqual([
    '127.0.0.1 localhost\n127.0.1.1 web.example web\n10.0.0.9 ip-10-0-0-55 my-ip-10-0-0-5\n',
    hosts,
  ])
})

test('asks PID 1 for units over its socket, also after that has executed itself again', async () => {
  const directory = await makeDirectory()
  const code = `
import os, socket, struct, threading
import manager
from manager import _align, _string, decode_message, message_size
manager.address = os.path.join(sys.argv[1], 'private')
asked = []

def send(connection, kind, fields, signature, body):
    head = b''
    for code, value in fields:
        head = _align(head, 8) + (bytes([code, 1]) + b'u\\0' + struct.pack('<I', value) if isinstance(value, int) else bytes([code, 1]) + b's\\0' + _string(value))
    head = _align(head, 8) + bytes([8, 1]) + b'g\\0' + bytes([len(signature)]) + signature.encode() + b'\\0'
    connection.sendall(_align(struct.pack('<cBBBIII', b'l', kind, 0, 1, len(body), 1, len(head)) + head, 8) + body)

def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.recv(1024)
        connection.sendall(b'OK 0123456789abcdef0123456789abcdef\\r\\n')
        buffer = b''
        while True:
            piece = connection.recv(65536)
            if not piece: break
            buffer += piece
            while message_size(buffer) is not None and len(buffer) >= message_size(buffer):
                size = message_size(buffer)
                message, buffer = buffer[:size], buffer[size:]
                _, fields, body = decode_message(message)
                unit, mode = manager.read_strings(body, 0, 2)
                asked.append([fields[3], unit, mode])
                (serial,) = struct.unpack_from('<I', message, 8)
                if unit == 'missing.service':
                    send(connection, 3, [(4, 'org.freedesktop.systemd1.NoSuchUnit'), (5, serial)], 's', _string('Unit missing.service not found.'))
                    continue
                job = '/org/freedesktop/systemd1/job/%d' % len(asked)
                send(connection, 2, [(5, serial)], 'o', _string(job))
                if unit == 'upgrade.service' and len(asked) < 5:
                    connection.close()
                    break
                body = struct.pack('<I', len(asked)) + _string(job)
                body = _align(_align(body, 4) + _string(unit), 4) + _string('done')
                send(connection, 4, [(2, 'org.freedesktop.systemd1.Manager'), (3, 'JobRemoved')], 'uoss', body)
            else:
                continue
            break

listener = socket.socket(socket.AF_UNIX)
listener.bind(manager.address)
listener.listen()
threading.Thread(target=serve, args=(listener,), daemon=True).start()
one = manager.Manager()
one.wait(one.start('ssh.service'))
one.wait(one.restart('systemd-journald.service'))
jobs = one.try_start('missing.service', 'upgrade.service')
one.wait(*jobs)
print(json.dumps([asked, len(jobs)]))
`
  const { stdout } = await execute('python3', ['-S', '-B', '-c', `import json, sys\n${code}`, directory], {
    env: { ...process.env, PYTHONPATH: program },
  })
  const [complaint, answer] = stdout.trim().split('\n')
  expect(complaint).toBe('StartUnit of missing.service: Unit missing.service not found.')
  expect(JSON.parse(answer ?? '')).toEqual([
    [
      ['StartUnit', 'ssh.service', 'replace'],
      ['RestartUnit', 'systemd-journald.service', 'replace'],
      ['StartUnit', 'missing.service', 'replace'],
      ['StartUnit', 'upgrade.service', 'replace'],
      ['StartUnit', 'upgrade.service', 'replace'],
    ],
    1,
  ])
})

test.each([
  ['reads the pipe and then the file', 'cat "$KEY"; cat "$KEY"', true],
  ['has a key of its own in its place', 'rm "$KEY"; echo own >"$KEY"', false],
  ['does not come for it', 'true', false],
])('an SSH server that %s in the template gets the clone’s host key and no other', async (_what, server, isHeld) => {
  const directory = await makeDirectory()
  const code = `
import os, subprocess, time
import ssh_server, traces
from identity import Identity, sample
directory = sys.argv[1]
ssh_server.host_key_file, ssh_server.permit = directory + '/key', directory + '/permit'
ssh_server.patience_seconds = 1
traces.host_keys = [directory + '/key*']
ssh_server.SshServer._warm_up = lambda self: None
children, stopped = [], []
ssh_server.run = lambda *words: (children[-1].wait(), stopped.append(words))
class Manager:
    def start(self, unit):
        if os.path.exists(ssh_server.permit) and not (children and children[-1].poll() is None):
            environment = dict(os.environ, KEY=ssh_server.host_key_file)
            script = 'true' if children else sys.argv[2]
            children.append(subprocess.Popen(['sh', '-c', script], env=environment, stdout=subprocess.PIPE, universal_newlines=True))
    def wait(self, job):
        pass
server = ssh_server.SshServer(Manager(), 'ssh.service')
held = server.pipe is not None
template = [sorted(os.listdir(directory)), len(stopped), children[0].poll() is None]
server.take_host_key(Identity(sample))
server.hold_back()
before = len(children)
server.start()
server.wait()
key = open(directory + '/key').read()
heard = children[0].communicate()[0]
print(json.dumps([held, template, before, heard == key * 2 if held else heard, os.path.exists(ssh_server.permit), 'OPENSSH' in key]))
`
  expect(await python(code, directory, server)).toEqual([
    isHeld,
    isHeld ? [['key', 'permit'], 0, true] : [[], 1, false],
    1,
    isHeld ? true : '',
    true,
    true,
  ])
})
