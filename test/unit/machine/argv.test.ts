import { expect, test } from 'vitest'
import type { MachineSpec } from '../../../src/ec2/ports/machine-spec.ts'
import { machineArgv } from '../../../src/machine/argv.ts'

const spec: MachineSpec = {
  name: 'i-0123456789abcdef0',
  directory: '/state/machines/i-0123456789abcdef0',
  architecture: 'x86_64',
  accelerator: 'tcg',
  machineType: 'pc-q35-7.2',
  cpuCount: 2,
  memoryMib: 512,
  uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
  generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
  drives: [
    {
      id: 'disk0',
      path: '/state/volumes/vol-0123456789abcdef0/disk.qcow2',
      serial: 'vol0123456789abcdef0',
      port: 0,
      bootIndex: 0,
      limits: { operations: { baseline: 3000 }, operationBytes: 262_144, bytes: { baseline: 131_072_000 } },
    },
  ],
  networkDevices: [{ id: 'nic0', tapName: 'eni0123456789a', mac: '02:00:00:00:00:01', port: 0 }],
}

test('gives QEMU a whole machine', () => {
  expect(machineArgv(spec).join('\n')).toMatchInlineSnapshot(`
    "qemu-system-x86_64
    -name
    guest=i-0123456789abcdef0,process=i-0123456789abcdef0
    -nodefaults
    -no-user-config
    -sandbox
    on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -pidfile
    /state/machines/i-0123456789abcdef0/qemu.pid
    -machine
    pc-q35-7.2,vmport=off,smm=off,dump-guest-core=off
    -accel
    tcg,tb-size=128,thread=multi
    -cpu
    max
    -smp
    2,sockets=1,cores=2,threads=1
    -m
    size=512M
    -uuid
    ec2aaaaa-0000-4000-8000-000000000001
    -smbios
    type=1,manufacturer=Kiln,product=Kiln,serial=ec2aaaaa-0000-4000-8000-000000000001
    -rtc
    base=utc
    -boot
    strict=on,menu=off
    -display
    none
    -vga
    none
    -device
    {"driver":"VGA","id":"vga","bus":"pcie.0","addr":"0x1","vgamem_mb":16}
    -vnc
    unix:/state/machines/i-0123456789abcdef0/vnc.sock
    -chardev
    socket,id=qmp,path=/state/machines/i-0123456789abcdef0/qmp.sock,server=on,wait=off
    -mon
    chardev=qmp,mode=control
    -chardev
    socket,id=serial0,path=/state/machines/i-0123456789abcdef0/serial.sock,server=on,wait=off,logfile=/state/machines/i-0123456789abcdef0/console.log,logappend=on
    -serial
    chardev:serial0
    -device
    {"driver":"virtio-serial-pci","id":"vserial","bus":"pcie.0","addr":"0x2"}
    -chardev
    socket,id=agent,path=/state/machines/i-0123456789abcdef0/agent.sock,server=on,wait=off
    -device
    {"driver":"virtserialport","bus":"vserial.0","chardev":"agent","name":"org.qemu.guest_agent.0"}
    -chardev
    socket,id=template,path=/state/machines/i-0123456789abcdef0/template.sock,server=on,wait=off
    -device
    {"driver":"virtserialport","bus":"vserial.0","chardev":"template","name":"org.kiln.template.0"}
    -object
    {"qom-type":"rng-random","id":"rng0","filename":"/dev/urandom"}
    -device
    {"driver":"virtio-rng-pci","id":"rng","rng":"rng0","bus":"pcie.0","addr":"0x3"}
    -device
    {"driver":"virtio-balloon-pci","id":"balloon","bus":"pcie.0","addr":"0x7","free-page-reporting":true,"deflate-on-oom":true}
    -device
    {"driver":"vmgenid","id":"vmgenid","guid":"bbbbbbbb-0000-4000-8000-000000000002"}
    -device
    {"driver":"pci-bridge","id":"slots","bus":"pcie.0","addr":"0x4","chassis_nr":1,"shpc":false}
    -object
    {"qom-type":"throttle-group","id":"disk0-limits","limits":{"iops-total":3000,"iops-total-max":0,"iops-total-max-length":1,"iops-size":262144,"bps-total":131072000,"bps-total-max":0,"bps-total-max-length":1}}
    -blockdev
    {"driver":"file","node-name":"disk0-file","filename":"/state/volumes/vol-0123456789abcdef0/disk.qcow2","aio":"threads","cache":{"direct":false,"no-flush":false}}
    -blockdev
    {"driver":"qcow2","node-name":"disk0","file":"disk0-file","backing":null,"discard":"unmap","detect-zeroes":"unmap","cache":{"direct":false,"no-flush":false},"lazy-refcounts":false}
    -blockdev
    {"driver":"throttle","node-name":"disk0-throttle","throttle-group":"disk0-limits","file":"disk0","discard":"unmap"}
    -device
    {"driver":"virtio-blk-pci","id":"disk0-device","drive":"disk0-throttle","bus":"slots","addr":"0x1","disable-legacy":"on","serial":"vol0123456789abcdef0","werror":"stop","rerror":"stop","write-cache":"on","bootindex":0}
    -netdev
    tap,id=nic0,ifname=eni0123456789a,script=no,downscript=no
    -device
    {"driver":"virtio-net-pci","id":"nic0-device","netdev":"nic0","mac":"02:00:00:00:00:01","bus":"slots","addr":"0x10","disable-legacy":"on","romfile":""}"
  `)
})

test('gives the same machine for the same spec, whatever was made in between', () => {
  const before = machineArgv(spec)
  machineArgv({ ...spec, cpuCount: 4, drives: [] })
  expect(machineArgv(structuredClone(spec))).toEqual(before)
})

test('keeps a comma in a path from beginning another option', () => {
  const argv = machineArgv({ ...spec, directory: '/state/a,server=off' })
  expect(argv.filter((word) => word.includes('/state/a,server=off'))).toEqual(['/state/a,server=off/qemu.pid'])
  expect(argv).toContain('socket,id=qmp,path=/state/a,,server=off/qmp.sock,server=on,wait=off')
})

test('gives an arm64 machine its firmware, and no device that only a PC has', () => {
  const firmware = { codePath: '/fw/AAVMF_CODE.fd', variablesPath: '/fw/AAVMF_VARS.fd' }
  const argv = machineArgv({ ...spec, architecture: 'arm64', machineType: 'virt-7.2', firmware })
  expect(argv[0]).toBe('qemu-system-aarch64')
  expect(argv[argv.indexOf('-machine') + 1]).toBe(
    'virt-7.2,gic-version=max,dump-guest-core=off,pflash0=uefi-code,pflash1=uefi-variables',
  )
  expect(argv[argv.indexOf('-cpu') + 1]).toBe('neoverse-n1')
  const nodes = argv.filter((word) => word.includes('"uefi-'))
  expect(nodes.map((word) => JSON.parse(word) as object)).toEqual([
    { driver: 'file', 'node-name': 'uefi-code', filename: '/fw/AAVMF_CODE.fd', 'read-only': true },
    {
      driver: 'file',
      'node-name': 'uefi-variables',
      filename: '/state/machines/i-0123456789abcdef0/uefi-variables.fd',
    },
  ])
  expect(argv.some((word) => /VGA|vmgenid/.test(word))).toBe(false)
})

test('runs a 32-bit system on the machine of a 64-bit one', () => {
  expect(machineArgv({ ...spec, architecture: 'i386' })).toEqual(machineArgv(spec))
})

test('connects a machine to the TPM that waits beside it', () => {
  const argv = machineArgv({ ...spec, hasTpm: true })
  const start = argv.indexOf('-tpmdev') - 2
  expect(argv.slice(start, start + 6)).toEqual([
    '-chardev',
    'socket,id=tpm,path=/state/machines/i-0123456789abcdef0/tpm.sock',
    '-tpmdev',
    'emulator,id=tpm0,chardev=tpm',
    '-device',
    '{"driver":"tpm-crb","tpmdev":"tpm0"}',
  ])
})

test('asks KVM for the processor of the host', () => {
  const argv = machineArgv({ ...spec, accelerator: 'kvm' })
  expect(argv.slice(argv.indexOf('-accel'), argv.indexOf('-accel') + 4)).toEqual(['-accel', 'kvm', '-cpu', 'host'])
})

test('has all processors in one thread where QEMU bears no more', () => {
  const argv = machineArgv({ ...spec, emulation: { thread: 'single', guestSettings: [] } })
  expect(argv[argv.indexOf('-accel') + 1]).toBe('tcg,tb-size=128,thread=single')
})

test('passes settings to the guest as a credential of its firmware', () => {
  const argv = machineArgv({ ...spec, emulation: { thread: 'multi', guestSettings: ['kernel.a=1', 'kernel.b=2,3'] } })
  const added = argv.filter((argument) => !machineArgv(spec).includes(argument))
  expect(added).toEqual(['type=11,value=io.systemd.credential:sysctl.extra=kernel.a=1\nkernel.b=2,,3'])
})

test('has a bridge on x86, and on arm64 a root port for each device that may come later', () => {
  const plugsOf = (machine: MachineSpec) =>
    machineArgv(machine).flatMap((word) => (/"(pcie-root-port|pci-bridge)"/.test(word) ? [JSON.parse(word)] : []))
  expect(plugsOf(spec)).toEqual([
    { driver: 'pci-bridge', id: 'slots', bus: 'pcie.0', addr: '0x4', chassis_nr: 1, shpc: false },
  ])
  const ports = plugsOf({ ...spec, architecture: 'arm64' }) as { driver: string; addr: string }[]
  expect(new Set(ports.map(({ driver }) => driver))).toEqual(new Set(['pcie-root-port']))
  expect(ports).toHaveLength(16)
  expect(new Set(ports.map(({ addr }) => addr)).size).toBe(16)
})

test.each(['x86_64', 'arm64'] as const)('no two devices of %s are in the same place', (architecture) => {
  const drives = Array.from({ length: 12 }, (_, port) => ({ ...spec.drives[0]!, id: `disk${port}`, port }))
  const nics = Array.from({ length: 8 }, (_, port) => ({ ...spec.networkDevices[0]!, id: `nic${port}`, port }))
  const devices = machineArgv({ ...spec, architecture, drives, networkDevices: nics }).flatMap((word) =>
    /^\{"driver":.*"bus":"(?!vserial)/.test(word) ? [JSON.parse(word) as { bus: string; addr: string }] : [],
  )
  const places = devices.map(({ bus, addr }) => `${bus} ${addr}`)
  expect(places.length).toBeGreaterThanOrEqual(20)
  expect(new Set(places).size).toBe(places.length)
})

test('puts threads that share a core beside each other', () => {
  const argv = machineArgv({ ...spec, cpuCount: 4, threadsPerCore: 2 })
  expect(argv[argv.indexOf('-smp') + 1]).toBe('4,sockets=1,cores=2,threads=2')
})

test('gives devices on bridges ports of their own, which leave those of interfaces free', () => {
  const nic = { id: 'nic4', tapName: 'lan56789abcdef00', mac: '52:4b:00:00:00:01', port: 4 }
  const argv = machineArgv({ ...spec, networkDevices: [...spec.networkDevices, nic] })
  const added = argv.filter((argument) => !machineArgv(spec).includes(argument))
  expect(added).toMatchInlineSnapshot(`
    [
      "tap,id=nic4,ifname=lan56789abcdef00,script=no,downscript=no",
      "{"driver":"virtio-net-pci","id":"nic4-device","netdev":"nic4","mac":"52:4b:00:00:00:01","bus":"slots","addr":"0x14","disable-legacy":"on","romfile":""}",
    ]
  `)
})

test.each(['source', 'clone'] as const)('takes nothing out of the memory that a template has for all: %s', (role) => {
  const reportsOf = (machine: MachineSpec) =>
    machineArgv(machine)
      .filter((word) => word.includes('virtio-balloon-pci'))
      .map((word) => (JSON.parse(word) as Record<string, unknown>)['free-page-reporting'])
  expect(reportsOf(spec)).toEqual([true])
  expect(reportsOf({ ...spec, template: { role, memoryPath: '/t/memory' } })).toEqual([false])
})
