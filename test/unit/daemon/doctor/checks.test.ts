import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DoctorFinding } from '../../../../src/api/doctor-report.ts'
import { checkAccelerator } from '../../../../src/daemon/doctor/accelerator.ts'
import { type Check, runCheck } from '../../../../src/daemon/doctor/check.ts'
import { checkNode, checkOpenFiles, checkSamePageMerging } from '../../../../src/daemon/doctor/host.ts'
import { checkNamespaces } from '../../../../src/daemon/doctor/namespaces.ts'
import { checkPackages, parsePackageTable } from '../../../../src/daemon/doctor/packages.ts'
import { checkEndpoint, checkLowPorts } from '../../../../src/daemon/doctor/ports.ts'
import { checkQemu } from '../../../../src/daemon/doctor/qemu.ts'
import { checkBridgedMode } from '../../../../src/daemon/doctor/bridged-mode.ts'
import { checkRoutedMode } from '../../../../src/daemon/doctor/routed-mode.ts'
import { checkSubordinateIds } from '../../../../src/daemon/doctor/subordinate-ids.ts'
import { makeHost } from './host-table.ts'

const packageTable = await readFile(join(import.meta.dirname, '../../../../config/debian-packages.txt'), 'utf8')
const enter = 'unshare --user --map-root-user unshare --user --map-root-user --net'
const makeWire = `${enter} ip link add kiln1 type veth peer name kiln2`
const inNamespace = {
  [`${enter} true`]: '',
  [`${enter} nft -f -`]: '',
  [`${enter} ip -batch -`]: '',
  [makeWire]: '',
}

async function find(checks: Check | Check[], name: string): Promise<DoctorFinding> {
  const check = [checks].flat().find((candidate) => candidate.name === name)
  if (!check) throw new Error(`there is no check ${name}`)
  return await runCheck(check)
}

test('a check that fails itself is a problem with its error', async () => {
  const finding = await runCheck({ name: 'X', run: () => Promise.reject(new Error('EIO')) })
  expect(finding).toMatchObject({ Name: 'X', Status: 'problem', Detail: 'could not be looked at: EIO' })
})

describe('packages', () => {
  test('each entry of the table names a known group, something it brings and a purpose', () => {
    const entries = parsePackageTable(packageTable)
    expect(entries.length).toBeGreaterThan(20)
    for (const entry of entries) {
      expect(['run', 'image', 'option', 'build', 'test']).toContain(entry.group)
      expect(entry.brings.every((item) => /^[\w./+-]+$/.test(item))).toBe(true)
      expect(entry.purpose).not.toBe('')
    }
  })

  test('a missing program of servers is a problem that names its package', async () => {
    const { host } = makeHost({ usable: ['/usr/bin/qemu-img'] })
    const table = 'run qemu-utils qemu-img make disks\nrun nftables nft enforce security groups\n'
    expect(await find(checkPackages(host, table), 'Programs for servers')).toEqual({
      Name: 'Programs for servers',
      Status: 'problem',
      Detail: 'nft to enforce security groups: not found',
      Remedy: "sudo apt-get install --no-install-recommends nftables   (the names are Debian's)",
    })
  })

  test('a missing file that only images need is a warning', async () => {
    const { host } = makeHost({})
    const table = 'image e2fsprogs /usr/sbin/mke2fs build images\n'
    expect((await find(checkPackages(host, table), 'Programs for servers')).Status).toBe('ok')
    expect((await find(checkPackages(host, table), 'Programs for building images')).Status).toBe('warning')
  })
})

describe('QEMU', () => {
  const programs = {
    'qemu-system-x86_64 --version': 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)',
    'qemu-img --version': 'qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)',
    'qemu-system-x86_64 -machine help': 'pc-q35-7.2           Standard PC (Q35 + ICH9, 2009) (default)\n',
  }
  test.each([
    ['is there', {}, 'ok', 'version 7.2.22, knows pc-q35-7.2'],
    ['is missing', { 'qemu-img --version': new Error('x') }, 'problem', 'qemu-img does not run'],
    [
      'is too old',
      { 'qemu-system-x86_64 --version': 'QEMU emulator version 6.2.0' },
      'problem',
      'qemu-system-x86_64 is version 6.2.0, too old',
    ],
    [
      'has no such machine',
      { 'qemu-system-x86_64 -machine help': 'none\n' },
      'problem',
      'qemu-system-x86_64 does not know the machine type pc-q35-7.2',
    ],
  ])('%s', async (_case, changed, status, detail) => {
    const { host } = makeHost({ programs: { ...programs, ...changed } })
    expect(await find(checkQemu(host), 'QEMU')).toMatchObject({ Status: status, Detail: detail })
  })
})

describe('the accelerator', () => {
  const probe = (accelerator: 'kvm' | 'tcg', reason: string) => ({
    choose: async () => ({ accelerator, isProven: true, reason }),
    reconsider: () => undefined,
  })
  test('emulation is a warning with the reason and what to do', async () => {
    const reason = '/dev/kvm may not be opened: add yourself to its group'
    const finding = await find(checkAccelerator(probe('tcg', reason), 'auto'), 'Accelerator')
    expect(finding.Status).toBe('warning')
    expect(finding.Remedy).toContain('usermod -aG kvm')
  })

  test('is a problem when the configuration insists on kvm', async () => {
    const check = checkAccelerator(probe('tcg', 'the host has no /dev/kvm'), 'kvm')
    expect((await find(check, 'Accelerator')).Status).toBe('problem')
  })
})

describe('namespaces', () => {
  test('are tried for real, each thing that a VPC needs in one of its own', async () => {
    const { host, ran } = makeHost({ programs: inNamespace })
    const findings = await Promise.all(checkNamespaces(host).map(runCheck))
    expect(findings.map(({ Status }) => Status)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(ran).toEqual(Object.keys(inNamespace))
  })

  test.each([
    ['kernel.unprivileged_userns_clone=1', '/proc/sys/kernel/unprivileged_userns_clone', '0\n'],
    ['kernel.apparmor_restrict_unprivileged_userns=0', '/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n'],
    ['user.max_user_namespaces=15000', '/proc/sys/user/max_user_namespaces', '0\n'],
  ])('when forbidden, the culprit is named: %s', async (setting, path, value) => {
    const { host } = makeHost({ files: { [path]: value } })
    const { Status, Detail, Remedy } = await find(checkNamespaces(host), 'Namespaces')
    expect(Status).toBe('problem')
    expect(Detail).toContain(path)
    expect(Remedy).toContain(setting)
  })

  test('when forbidden in a container, its options are named', async () => {
    const { host } = makeHost({ files: { '/.dockerenv': '' } })
    expect((await find(checkNamespaces(host), 'Namespaces')).Remedy).toContain('--device /dev/net/tun')
  })

  test('without veth all but peering works', async () => {
    const { host } = makeHost({ programs: { ...inNamespace, [makeWire]: new Error('RTNETLINK: Unknown device type') } })
    expect(await find(checkNamespaces(host), 'Peering')).toMatchObject({
      Status: 'warning',
      Remedy: expect.stringContaining('modprobe veth') as string,
    })
  })

  test('a tun device that may not be opened is told from one that is not there', async () => {
    const failing = { ...inNamespace, [`${enter} ip -batch -`]: new Error('ioctl(TUNSETIFF): Permission denied') }
    const absent = makeHost({ programs: failing })
    expect((await find(checkNamespaces(absent.host), 'Network interfaces')).Remedy).toContain('modprobe tun')
    const view = makeHost({ programs: failing }).host
    const closed = { ...view, isUsable: async (_path: string, mode: string) => mode === 'exists' }
    expect(await find(checkNamespaces(closed), 'Network interfaces')).toMatchObject({
      Detail: '/dev/net/tun may not be opened by anna',
      Remedy: expect.stringContaining('chmod 666 /dev/net/tun') as string,
    })
  })
})

test.each([
  ['anna:100000:65536\n', 'ok'],
  ['ben:100000:65536\nanna:1:10\n', 'warning'],
  ['', 'warning'],
])('subordinate ids in %j: %s', async (text, status) => {
  const { host } = makeHost({ files: { '/etc/subuid': text, '/etc/subgid': 'anna:100000:65536\n' } })
  expect((await find(checkSubordinateIds(host), 'Subordinate ids')).Status).toBe(status)
})

describe('ports', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  const listening = (address: string, port: string) =>
    `   0: ${address}:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 999999999 1 0 100 0 0 10 0\n`

  test('low ports of an ordinary user are elsewhere, and the setting is named', async () => {
    const { host } = makeHost({ files: { '/proc/sys/net/ipv4/ip_unprivileged_port_start': '1024\n' } })
    const { Status, Detail, Remedy } = await find(checkLowPorts(host), 'Low ports')
    expect([Status, Detail.includes('10022')]).toEqual(['warning', true])
    expect(Remedy).toContain('net.ipv4.ip_unprivileged_port_start=22')
  })

  test("routes of the host are root's alone, and looked at where they are asked for", async () => {
    const statusFor = async (isRoot: boolean) =>
      (await find(checkRoutedMode(makeHost({ isRoot }).host, true), 'Routed mode')).Status
    expect([await statusFor(true), await statusFor(false)]).toEqual(['ok', 'problem'])
    expect(checkRoutedMode(makeHost({}).host, false)).toEqual([])
  })

  test.each([
    [true, true, 'ok'],
    [true, false, 'problem'],
    [false, true, 'problem'],
  ])('a bridge is used by root (%s) where it is there (%s)', async (isRoot, isThere, status) => {
    const { host } = makeHost({ isRoot, files: isThere ? { '/sys/class/net/br0/bridge': '' } : {} })
    expect((await find(checkBridgedMode(host, ['br0']), 'Bridge br0')).Status).toBe(status)
    expect(checkBridgedMode(host, [])).toEqual([])
  })

  test('an SSH server of the host at every address is told of', async () => {
    const everywhere = makeHost({ isRoot: true, files: { '/proc/net/tcp': head + listening('00000000', '0016') } })
    expect((await find(checkLowPorts(everywhere.host), 'Low ports')).Status).toBe('warning')
    const loopback = makeHost({ isRoot: true, files: { '/proc/net/tcp': head + listening('0100007F', '0016') } })
    expect((await find(checkLowPorts(loopback.host), 'Low ports')).Status).toBe('ok')
  })

  test.each([
    [undefined, '', '127.0.0.1:8773 is free'],
    [undefined, listening('0100007F', '2245'), '8773 is taken by a process of another user'],
    ['http://127.0.0.1:8774', '', 'the daemon answers at http://127.0.0.1:8774'],
  ])('the port of the API, the daemon at %s', async (url, table, detail) => {
    const { host } = makeHost({ files: { '/proc/net/tcp': head + table } })
    const check = checkEndpoint(host, { address: '127.0.0.1', port: 8773 }, async () => url)
    expect((await find(check, 'API port')).Detail).toContain(detail)
  })
})

test('a native module for another Node.js is a problem that says how to compile it again', async () => {
  const load = () => Promise.reject(new Error('was compiled against a different Node.js version\nmore'))
  const finding = await find(checkNode('v22.1.0', load), 'Node.js')
  expect(finding).toMatchObject({ Status: 'problem', Remedy: expect.stringContaining('npm ci') as string })
  expect(finding.Detail).not.toContain('more')
  expect(
    (
      await find(
        checkNode('v20.18.9', async () => undefined),
        'Node.js',
      )
    ).Status,
  ).toBe('problem')
  expect(
    (
      await find(
        checkNode('v20.19.0', async () => undefined),
        'Node.js',
      )
    ).Status,
  ).toBe('ok')
})

test.each([
  ['1024                 4096', 'warning'],
  ['1024                 1048576', 'ok'],
  ['1024                 unlimited', 'ok'],
])('open files %s: %s', async (limits, status) => {
  const { host } = makeHost({
    files: { '/proc/self/limits': `Max open files            ${limits}              files\n` },
  })
  expect((await find(checkOpenFiles(host), 'Open files')).Status).toBe(status)
})

test.each([
  ['is not in the kernel', {}, 'this kernel has none'],
  ['is off', { run: '0\n', pages_sharing: '0\n' }, 'off (KSM)'],
  ['is on', { run: '1\n', pages_sharing: '51200\n' }, 'saves 200 MiB now'],
])('same-page merging that %s is told and nothing to mend', async (_state, ksm, detail) => {
  const files = Object.fromEntries(Object.entries(ksm).map(([name, text]) => [`/sys/kernel/mm/ksm/${name}`, text]))
  const finding = await find(checkSamePageMerging(makeHost({ files }).host), 'Same-page merging')
  expect(finding).toMatchObject({ Status: 'ok', Detail: expect.stringContaining(detail) })
})
