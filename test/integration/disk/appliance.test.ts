import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ImportLayersRequest } from '../../../src/ec2/ports/disk.ts'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

/** The machine boots from root.vmdk, which comes last in the archive. */
const description = `<Envelope>
  <References><File id="f1" href="data.vmdk"/><File id="f2" href="root.vmdk"/></References>
  <DiskSection><Disk diskId="d1" fileRef="f1"/><Disk diskId="d2" fileRef="f2"/></DiskSection>
  <VirtualSystem>
    <Item><InstanceID>3</InstanceID><ResourceType>6</ResourceType></Item>
    <Item><AddressOnParent>1</AddressOnParent><HostResource>ovf:/disk/d1</HostResource><Parent>3</Parent><ResourceType>17</ResourceType></Item>
    <Item><AddressOnParent>0</AddressOnParent><HostResource>ovf:/disk/d2</HostResource><Parent>3</Parent><ResourceType>17</ResourceType></Item>
  </VirtualSystem>
</Envelope>`

async function makeAppliance(lab: DiskLab, ...files: string[]): Promise<string> {
  for (const name of ['data', 'root']) {
    const target = ['-O', 'vmdk', '-o', 'subformat=streamOptimized', lab.path(`${name}.vmdk`)]
    await lab.run('qemu-img', 'convert', '-f', 'raw', await lab.makeRaw(`${name}.raw`), ...target)
  }
  await writeFile(lab.path('machine.ovf'), description)
  await lab.run('tar', 'cf', 'machine.ova', '--format=ustar', ...files)
  return lab.path('machine.ova')
}

function requestOf(lab: DiskLab, source: string, more: Partial<ImportLayersRequest> = {}): ImportLayersRequest {
  const placeOf = (index: number) => ({ directory: join(lab.layers, `layer-${index + 1}`) })
  return { source, directory: lab.path('unpacked'), maximumDisks: 21, placeOf, ...more }
}

async function createApplianceLab(): Promise<DiskLab> {
  const lab = await createDiskLab()
  await lab.run('mkdir', 'unpacked')
  return lab
}

test('each disk of an OVA becomes a layer, that of the root first, and tells how far it is', async () => {
  const lab = await createApplianceLab()
  const source = await makeAppliance(lab, 'machine.ovf', 'data.vmdk', 'root.vmdk')
  const work = quietWork()
  const layers = await lab.disks.importLayers(requestOf(lab, source, { claim: 'ova' }), work)
  const contents = []
  for (const { path } of layers) contents.push(await lab.contentOf(path, 'qcow2'))
  expect(contents).toEqual([
    await lab.contentOf(lab.path('root.raw'), 'raw'),
    await lab.contentOf(lab.path('data.raw'), 'raw'),
  ])
  expect((await lab.listLayers()).sort()).toEqual(['layer-1', 'layer-2'])
  const sizes = [8 * mib, 8 * mib]
  expect(work.told).toContainEqual(expect.objectContaining({ disk: { index: 0, sizes, doneBytes: 8 * mib } }))
  expect(work.told.at(-1)).toEqual({
    stage: 'Verifying',
    doneBytes: 16 * mib,
    totalBytes: 16 * mib,
    disk: { index: 1, sizes, doneBytes: 8 * mib },
  })
  const done = work.told.map(({ doneBytes = 0 }) => doneBytes)
  expect(done).toEqual([...done].sort((one, other) => one - other))
})

test('without a description they come as they lie in the archive, whatever packs it', async () => {
  const lab = await createApplianceLab()
  const source = await makeAppliance(lab, 'data.vmdk', 'root.vmdk')
  await lab.run('gzip', '-1', source)
  const [first] = await lab.disks.importLayers(requestOf(lab, `${source}.gz`), quietWork())
  expect(await lab.contentOf(first?.path ?? '', 'qcow2')).toBe(await lab.contentOf(lab.path('data.raw'), 'raw'))
})

test('one that is encrypted has the key of its own', async () => {
  const lab = await createApplianceLab()
  const source = await makeAppliance(lab, 'machine.ovf', 'data.vmdk', 'root.vmdk')
  const keyIds = ['volkey-00000000000000001', 'volkey-00000000000000002']
  const placeOf = (index: number) => ({ directory: join(lab.layers, `layer-${index + 1}`), keyId: keyIds[index] })
  const layers = await lab.disks.importLayers(requestOf(lab, source, { placeOf }), quietWork())
  for (const { path } of layers) await lab.run('sh', '-c', `qemu-img info -f qcow2 ${path} | grep -q 'encrypted: yes'`)
})

const refusals: [what: string, make: (lab: DiskLab) => Promise<string>, message: RegExp, maximumDisks?: number][] = [
  [
    'whose second disk is hostile',
    async (lab) => {
      await makeAppliance(lab, 'root.vmdk')
      await lab.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', 'data.qcow2')
      await lab.run('tar', 'cf', 'machine.ova', '--format=ustar', 'root.vmdk', 'data.qcow2')
      return lab.path('machine.ova')
    },
    /it has a backing file/,
  ],
  [
    'that lacks a disk of its description',
    (lab) => makeAppliance(lab, 'machine.ovf', 'data.vmdk'),
    /its description names the disk "root.vmdk", which the archive does not hold/,
  ],
  [
    'of more disks than an image may have',
    (lab) => makeAppliance(lab, 'machine.ovf', 'data.vmdk', 'root.vmdk'),
    /several disks \(data.vmdk, root.vmdk\): import it as an image/,
    1,
  ],
  [
    'in an OVA',
    async (lab) => {
      await lab.run('mv', await makeAppliance(lab, 'root.vmdk'), lab.path('inner.img'))
      await lab.run('tar', 'cf', 'machine.ova', '--format=ustar', 'inner.img')
      return lab.path('machine.ova')
    },
    /its archive holds another archive/,
  ],
]

test.each(refusals)('an OVA %s is refused and leaves no layer', async (_what, make, message, maximumDisks = 21) => {
  const lab = await createApplianceLab()
  const importing = lab.disks.importLayers(requestOf(lab, await make(lab), { maximumDisks }), quietWork())
  await expect(importing).rejects.toMatchObject({
    code: 'InvalidDiskImage',
    message: expect.stringMatching(message) as string,
  })
  expect(await lab.listLayers()).toEqual([])
})

test('cancelled in its second disk, nothing is left of the first', async () => {
  const lab = await createApplianceLab()
  const source = await makeAppliance(lab, 'machine.ovf', 'data.vmdk', 'root.vmdk')
  const abort = new AbortController()
  const importing = lab.disks.importLayers(requestOf(lab, source), {
    signal: abort.signal,
    onProgress: ({ disk }) => {
      if (disk?.index === 1) abort.abort()
    },
  })
  await expect(importing).rejects.toThrow()
  expect(await lab.listLayers()).toEqual([])
})
