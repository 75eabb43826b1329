import { describe, expect, test } from 'vitest'
import { readAttachedFiles } from '../../../src/disk/machine-description.ts'

/** As VMware's ovftool writes it: the files, the disks and the hardware each in an order of their own. */
function describeMachine(hardware: string, prefix = 'rasd'): string {
  return `<?xml version="1.0"?>
<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References>
    <File ovf:href="data.vmdk" ovf:id="file2" ovf:size="10"/>
    <File ovf:id='file1' ovf:href='root%20disk.vmdk'></File>
    <File ovf:href="install.iso" ovf:id="file3"/>
  </References>
  <DiskSection>
    <Disk ovf:capacity="1" ovf:diskId="vmdisk2" ovf:fileRef="file2"/>
    <Disk ovf:capacity="1" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>
    <Disk ovf:capacity="1" ovf:diskId="empty"/>
  </DiskSection>
  <VirtualSystem ovf:id="vm"><VirtualHardwareSection>
    ${hardware.replaceAll('rasd:', `${prefix}:`)}
  </VirtualHardwareSection></VirtualSystem>
</Envelope>`
}

function item(members: Readonly<Record<string, string | number>>, element = 'Item'): string {
  const lines = Object.entries(members).map(([name, value]) => `<rasd:${name}>${value}</rasd:${name}>`)
  return `<${element}>${lines.join('')}</${element}>`
}

const controller = (id: number) => item({ InstanceID: id, ResourceType: 6 })
const disk = (host: string, parent: number, address: number) =>
  item({ AddressOnParent: address, HostResource: host, InstanceID: 99, Parent: parent, ResourceType: 17 })

describe("the files of a machine's disks", () => {
  test.each([
    ['by the address on their controller', [disk('ovf:/disk/vmdisk2', 3, 1), disk('ovf:/disk/vmdisk1', 3, 0)]],
    ['by their controllers', [disk('ovf:/disk/vmdisk2', 4, 0), disk('ovf:/disk/vmdisk1', 3, 7)]],
    ['as they are named without a scheme', [disk('/disk/vmdisk1', 3, 0), disk('/file/file2', 3, 1)]],
    [
      'without those that are empty',
      [disk('ovf:/disk/empty', 3, 0), disk('ovf:/disk/vmdisk1', 3, 1), disk('ovf:/disk/vmdisk2', 3, 2)],
    ],
  ])('%s', (_how, disks) => {
    const drive = item({ HostResource: 'ovf:/file/file3', InstanceID: 8, Parent: 3, ResourceType: 15 })
    const hardware = [controller(3), controller(4), drive, ...disks].join('\n')
    expect(readAttachedFiles(describeMachine(hardware))).toEqual(['root disk.vmdk', 'data.vmdk'])
  })

  test('as OVF 2.0 has them, whatever the prefix', () => {
    const member = { HostResource: 'ovf:/disk/vmdisk2', InstanceID: 5, ResourceType: 17 }
    expect(readAttachedFiles(describeMachine(item(member, 'ns1:StorageItem'), 'sasd'))).toEqual(['data.vmdk'])
  })

  test('none, where the description tells of none', () => {
    expect(readAttachedFiles('<Envelope/>')).toEqual([])
    expect(readAttachedFiles('no description')).toEqual([])
    expect(readAttachedFiles(describeMachine(`<!-- ${disk('ovf:/disk/vmdisk1', 3, 0)} -->`))).toEqual([])
  })
})

test('a description of several machines is refused', () => {
  const two = '<VirtualSystem ovf:id="a"></VirtualSystem><VirtualSystem ovf:id="b"/>'
  expect(() => readAttachedFiles(`<VirtualSystemCollection>${two}</VirtualSystemCollection>`)).toThrow(
    /several machines/,
  )
})

test.each([
  ['that never close', '<Item>'.repeat(40_000)],
  ['that close at the end', `${'<Item a="">'.repeat(20_000)}${'</Item>'.repeat(5)}`],
  ['within comments', '<!--'.repeat(60_000)],
  ['with endless names', `<Item ${'a'.repeat(250_000)}>`],
  ['with endless blanks', `<Item ${' '.repeat(250_000)}>`],
])('elements %s are gone through once', (_how, text) => {
  // Would take hours if each were looked at again for each.
  expect(readAttachedFiles(text)).toEqual([])
})
