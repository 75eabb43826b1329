import { link, open, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

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
        ...['-o', 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10', source, '8M'],
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
