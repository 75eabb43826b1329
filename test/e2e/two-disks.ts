import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

const mib = 1024 ** 2

/** The machine boots from the disk that is named last, and comes last in the archive. */
const description = `<Envelope>
  <References><File id="f1" href="data.raw"/><File id="f2" href="root.raw"/></References>
  <DiskSection><Disk diskId="d1" fileRef="f1"/><Disk diskId="d2" fileRef="f2"/></DiskSection>
  <VirtualSystem id="two">
    <Item><InstanceID>3</InstanceID><ResourceType>6</ResourceType></Item>
    <Item><AddressOnParent>1</AddressOnParent><HostResource>ovf:/disk/d1</HostResource><Parent>3</Parent><ResourceType>17</ResourceType></Item>
    <Item><AddressOnParent>0</AddressOnParent><HostResource>ovf:/disk/d2</HostResource><Parent>3</Parent><ResourceType>17</ResourceType></Item>
  </VirtualSystem>
</Envelope>`

/** Packs a machine with two disks, `root` and another one with a text in it, as `NAME.ova` of a directory; answers the other disk's bytes. */
export async function packTwoDisks(directory: string, name: string, root: string, text: string): Promise<Buffer> {
  const data = Buffer.alloc(2 * mib)
  data.writeUInt16LE(0xaa55, 510)
  data.write(text, mib)
  await writeFile(join(directory, 'data.raw'), data)
  await copyFile(root, join(directory, 'root.raw'))
  await writeFile(join(directory, 'two.ovf'), description)
  const files = ['two.ovf', 'data.raw', 'root.raw']
  await execa('tar', ['cf', `${name}.ova`, '--format=ustar', ...files], { cwd: directory })
  return data
}
