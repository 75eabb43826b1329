import { createHash } from 'node:crypto'
import { link, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

const cluster = 64 * 1024

type Make = (lab: DiskLab, source: string) => Promise<unknown>

/** Writes over a part of a file. */
async function patch(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, offset)
  await file.close()
}

async function qemuImg(lab: DiskLab, format: string, source: string, ...options: string[]): Promise<void> {
  await lab.run('qemu-img', 'convert', '-f', 'raw', '-O', format, ...options, await lab.makeRaw('disk.raw'), source)
}

async function cutShort(source: string, lab: DiskLab, format: string, ...options: string[]): Promise<void> {
  await qemuImg(lab, format, source, ...options)
  await truncate(source, 2 * mib)
}

function bigEndian64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

/**
 * A qcow2 of 64 MiB whose reference counts say that all is as it should be, and a cluster of data at its end that L2 entries may name.
 * `l2Offset` is what they hold; all L1 entries lead to one table of them.
 */
function craftQcow2({
  l1Entries,
  l2Offset = (data) => data,
}: {
  l1Entries: number
  l2Offset?: (data: number, index: number) => number
}): Buffer {
  const l1Clusters = Math.ceil((8 * l1Entries) / cluster)
  const l2 = 3 + l1Clusters
  const data = (l2 + 1) * cluster
  const file = Buffer.alloc(data + cluster)
  file.write('QFI\xfb', 0, 'latin1')
  file.writeUInt32BE(3, 4)
  file.writeUInt32BE(16, 20)
  file.writeBigUInt64BE(BigInt(64 * mib), 24)
  file.writeUInt32BE(l1Entries, 36)
  file.writeBigUInt64BE(BigInt(3 * cluster), 40)
  file.writeBigUInt64BE(BigInt(cluster), 48)
  file.writeUInt32BE(1, 56)
  // Counts of 64 bits.
  file.writeUInt32BE(6, 96)
  file.writeUInt32BE(104, 100)
  file.writeBigUInt64BE(BigInt(2 * cluster), cluster)
  for (let index = 0; index <= data / cluster; index++) file.writeBigUInt64BE(2n, 2 * cluster + 8 * index)
  for (let index = 0; index < l1Entries; index++) file.writeBigUInt64BE(BigInt(l2 * cluster), 3 * cluster + 8 * index)
  for (let index = 0; index < cluster / 8; index++) {
    file.writeBigUInt64BE(BigInt(l2Offset(data, index)), l2 * cluster + 8 * index)
  }
  return file
}

async function refcountBlock(source: string): Promise<{ offset: number }> {
  const file = await readFile(source)
  return { offset: Number(file.readBigUInt64BE(Number(file.readBigUInt64BE(48)))) }
}

/** An OVA of a disk with a manifest that says this of it. */
async function appliance(lab: DiskLab, source: string, manifest: (sha256: string) => string): Promise<void> {
  await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
  const sha256 = createHash('sha256')
    .update(await readFile(lab.path('disk.vmdk')))
    .digest('hex')
  await writeFile(lab.path('machine.mf'), manifest(sha256))
  await lab.run('tar', 'cf', source, '--format=ustar', 'machine.mf', 'disk.vmdk')
}

const packed: Make = async (lab, source) => {
  await lab.run('gzip', '-k', await lab.makeRaw('disk.raw'))
  await lab.run('mv', 'disk.raw.gz', source)
  await truncate(source, mib)
}

const cases: [what: string, make: Make, message: RegExp][] = [
  ['an empty file', (_lab, source) => writeFile(source, ''), /too small to be a disk/],
  ['a text file', (_lab, source) => writeFile(source, 'hello\n'.repeat(1000)), /neither qcow2, VMDK/],
  [
    'a qcow2 with a backing file',
    async (lab, source) => {
      await lab.makeRaw('base')
      await lab.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', lab.path('base'), '-F', 'raw', source)
    },
    /has a backing file/,
  ],
  [
    'a qcow2 with an external data file',
    (lab, source) => lab.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'data_file=secret', source, '8M'),
    /data in an external file/,
  ],
  [
    'an encrypted qcow2',
    (lab, source) =>
      lab.run(
        ...(['qemu-img', 'create', '-q', '--object', 'secret,id=s,data=x', '-f', 'qcow2'] as const),
        ...['-o', 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=200', source, '8M'],
      ),
    /is encrypted/,
  ],
  [
    'a qcow2 larger than allowed',
    (lab, source) => lab.run('qemu-img', 'create', '-q', '-f', 'qcow2', source, '65M'),
    /claims 68157440 bytes; at most 67108864 are allowed/,
  ],
  [
    'a qcow2 with a huge L1 table',
    async (lab, source) => {
      await qemuImg(lab, 'qcow2', source)
      await patch(source, 36, Buffer.from([0x7f, 0xff, 0xff, 0xff]))
    },
    /tables reach beyond the end/,
  ],
  [
    'a qcow2 whose L1 table lies behind its end',
    async (lab, source) => {
      await qemuImg(lab, 'qcow2', source)
      await patch(source, 40, bigEndian64(1n << 62n))
    },
    /tables reach beyond the end/,
  ],
  [
    'a qcow2 with absurd clusters',
    async (lab, source) => {
      await qemuImg(lab, 'qcow2', source)
      await patch(source, 20, Buffer.from([0, 0, 0, 63]))
    },
    /cluster size is 2\^63/,
  ],
  [
    'a qcow2 of a later version',
    async (lab, source) => {
      await qemuImg(lab, 'qcow2', source)
      await patch(source, 4, Buffer.from([0, 0, 0, 9]))
    },
    /version is 9/,
  ],
  [
    'a qcow2 with an L1 table of more entries than its disk needs',
    (_lab, source) => writeFile(source, craftQcow2({ l1Entries: 40_000 })),
    /L1 table has 40000 entries/,
  ],
  [
    'a qcow2 whose L1 entries all lead to one L2 table',
    (_lab, source) => writeFile(source, craftQcow2({ l1Entries: 8000 })),
    /cluster at 327680 is used more than once/,
  ],
  [
    'a qcow2 whose L2 entries all name one cluster',
    (_lab, source) => writeFile(source, craftQcow2({ l1Entries: 1, l2Offset: (data) => data })),
    /cluster at 327680 is used more than once/,
  ],
  [
    'a qcow2 whose L2 table is its own data',
    (_lab, source) =>
      writeFile(source, craftQcow2({ l1Entries: 1, l2Offset: (data, index) => (index === 0 ? data - cluster : 0) })),
    /cluster at 262144 is used more than once/,
  ],
  [
    'a qcow2 that counts a cluster in use as free',
    async (lab, source) => {
      await qemuImg(lab, 'qcow2', source)
      const { offset } = await refcountBlock(source)
      // Of the last clusters that are in use.
      await patch(source, offset + 2 * 20, Buffer.alloc(2 * 20))
    },
    /truncated or corrupt/,
  ],
  ['a truncated qcow2', (lab, source) => cutShort(source, lab, 'qcow2'), /truncated or corrupt/],
  ['a truncated VMDK', (lab, source) => cutShort(source, lab, 'vmdk'), /truncated or corrupt/],
  [
    'a truncated streaming VMDK',
    (lab, source) => cutShort(source, lab, 'vmdk', '-o', 'subformat=streamOptimized'),
    /truncated or corrupt/,
  ],
  ['a truncated VHD', (lab, source) => cutShort(source, lab, 'vpc'), /truncated/],
  ['a truncated VHDX', (lab, source) => cutShort(source, lab, 'vhdx'), /truncated|cannot be read/],
  [
    'a truncated raw disk',
    async (lab, source) => {
      await lab.makeRaw('source')
      // One Linux partition, from sector 1 to the end of the 8 MiB.
      await patch(source, 446, Buffer.from([0x80, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0xff, 0x3f, 0, 0]))
      await truncate(source, 7 * mib)
    },
    /partition table ends at byte 8388608 but the file has 7340032/,
  ],
  [
    'a VMDK with a flat extent outside',
    async (_lab, source) => {
      const lines = ['# Disk DescriptorFile', 'version=1', 'CID=fffffffe', 'parentCID=ffffffff']
      lines.push('createType="monolithicFlat"', 'RW 16384 FLAT "/etc/passwd" 0', '')
      await writeFile(source, lines.join('\n').padEnd(4096, '\n'))
    },
    /data lies in other files/,
  ],
  [
    'a VMDK whose header makes QEMU follow its descriptor',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', source)
      await patch(source, 12, Buffer.alloc(8))
    },
    /VMDK header is unusual/,
  ],
  [
    'a VMDK that names two types',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', source)
      await patch(source, 0x2000, Buffer.from('\ncreateType\n\nmonolithicFlat"\n'))
    },
    /VMDK of type "unknown"/,
  ],
  [
    'a VMDK with a parent',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', source)
      await patch(source, 0x2000, Buffer.from('\nparentFileNameHint="/etc/passwd"\n'))
    },
    /parent VMDK/,
  ],
  [
    'a VMDK with a second extent',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', source)
      await patch(source, 0x2000, Buffer.from('\nRW 1 FLAT "/etc/passwd" 0\n'))
    },
    /names other extents/,
  ],
  [
    'a differencing VHD',
    async (lab, source) => {
      await qemuImg(lab, 'vpc', source)
      await patch(source, 60, Buffer.from([0, 0, 0, 4]))
    },
    /differencing VHD/,
  ],
  [
    'a differencing VHDX',
    async (lab, source) => {
      await qemuImg(lab, 'vhdx', source)
      const file = await readFile(source)
      // Its parameters: where the metadata table, found by its name, says that they are.
      const entry = file.indexOf(Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex'))
      const at = file.indexOf('metadata') + file.readUInt32LE(entry + 16) + 4
      await patch(source, at, Buffer.from([(file[at] ?? 0) | 2]))
    },
    /differencing VHDX that stands on a parent/,
  ],
  ...(['vmdk', 'vpc', 'vhdx'] as const).map((format): [string, Make, RegExp] => [
    `a ${format} that claims a terabyte`,
    (lab, source) => lab.run('qemu-img', 'create', '-q', '-f', format, source, '1T'),
    /claims \d{13} bytes; at most 67108864 are allowed/,
  ]),
  [
    'an OVA whose disk is another than its manifest says',
    (lab, source) => appliance(lab, source, () => `SHA256(disk.vmdk)= ${'0'.repeat(64)}\n`),
    /"disk.vmdk" does not have the sha256 digest of its manifest/,
  ],
  [
    'an OVA whose manifest names what is not there',
    (lab, source) =>
      appliance(lab, source, (sha256) => `SHA256(disk.vmdk)= ${sha256}\nSHA1(other.vmdk)= ${'0'.repeat(40)}\n`),
    /names "other.vmdk", which the archive does not hold/,
  ],
  [
    'an OVA whose manifest is none',
    (lab, source) => appliance(lab, source, () => 'MD5(disk.vmdk)= 00\n'),
    /manifest has a line that is no digest/,
  ],
  [
    'an OVA with a name that leads out',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
      await lab.run('tar', 'cPf', source, '--transform', 's,^,../../,', 'disk.vmdk')
    },
    /holds the name "..\/..\/disk.vmdk"/,
  ],
  [
    'an OVA with an absolute name',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
      await lab.run('tar', 'cPf', source, lab.path('disk.vmdk'))
    },
    /holds the name "\//,
  ],
  [
    'an OVA with a symbolic link for a disk',
    async (lab, source) => {
      await symlink('/etc/passwd', lab.path('disk.vmdk'))
      await lab.run('tar', 'cf', source, 'disk.vmdk')
    },
    /holds a symlink \("disk.vmdk"\)/,
  ],
  [
    'an OVA with a hard link',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
      await link(lab.path('disk.vmdk'), lab.path('other.vmdk'))
      await lab.run('tar', 'cf', source, 'disk.vmdk', 'other.vmdk')
    },
    /holds a link \("other.vmdk"\)/,
  ],
  [
    'an OVA with two disks',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
      await lab.run('cp', 'disk.vmdk', 'other.vmdk')
      await lab.run('tar', 'cf', source, 'disk.vmdk', 'other.vmdk')
    },
    /several disks \(disk.vmdk, other.vmdk\)/,
  ],
  [
    'an OVA without a disk',
    async (lab, source) => {
      await writeFile(lab.path('machine.ovf'), '<Envelope/>')
      await lab.run('tar', 'cf', source, 'machine.ovf')
    },
    /holds no disk/,
  ],
  [
    'a truncated OVA',
    async (lab, source) => {
      await qemuImg(lab, 'vmdk', lab.path('disk.vmdk'))
      await lab.run('tar', 'cf', source, 'disk.vmdk')
      await truncate(source, mib)
    },
    /archive is damaged or truncated/,
  ],
  ['a truncated gzip', packed, /gzip stream is damaged or truncated/],
  [
    'a damaged xz',
    async (lab, source) => {
      await lab.run('xz', '-k', '-1', await lab.makeRaw('disk.raw'))
      await lab.run('mv', 'disk.raw.xz', source)
      await patch(source, 100_000, Buffer.alloc(64))
    },
    /xz stream is damaged or truncated/,
  ],
  ...(['gzip', 'xz', 'zstd'] as const).map((tool): [string, Make, RegExp] => [
    `a ${tool} bomb`,
    async (lab, source) => {
      await lab.run('truncate', '-s', '65M', 'zeros')
      await lab.run(tool, ...(tool === 'zstd' ? ['-q', '--rm'] : []), 'zeros')
      await lab.run('mv', `zeros.${{ gzip: 'gz', xz: 'xz', zstd: 'zst' }[tool]}`, source)
    },
    /unpacks to more than is allowed/,
  ]),
  [
    'a file that is packed again and again',
    async (lab, source) => {
      await lab.makeRaw('source')
      for (let time = 0; time < 5; time++) {
        await lab.run('gzip', '-1', source)
        await lab.run('mv', `${source}.gz`, source)
      }
    },
    /packed more than three times/,
  ],
]

test.each(cases)('%s is refused and leaves nothing', async (_what, make, message) => {
  const lab = await createDiskLab()
  const source = lab.path('source')
  await make(lab, source)
  const importing = lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork())
  await expect(importing).rejects.toMatchObject({
    name: 'Ec2Error',
    code: 'InvalidDiskImage',
    message: expect.stringMatching(message),
  })
  expect(await lab.listLayers()).toEqual([])
})
