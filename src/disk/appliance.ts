import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { digestFile } from './download.ts'

/** A machine with one disk. */
interface Appliance {
  /** A streamOptimized VMDK. */
  readonly disk: string
  readonly destination: string
  readonly name: string
  /** Of the virtual disk. */
  readonly capacityBytes: number
}

/**
 * Writes an OVA: a tar of the machine's description, the manifest of SHA-256 digests and the disk, in that order (DMTF DSP0243 1.1,
 * chapters 5 and 6.3).
 */
export async function writeAppliance(appliance: Appliance, work: WorkOptions): Promise<void> {
  const { disk, destination } = appliance
  const name = fileNameOf(appliance.name)
  const { size: sizeBytes } = await stat(disk)
  const diskName = `${name}-disk1.vmdk`
  const description = describeAppliance({ name, diskName, sizeBytes, capacityBytes: appliance.capacityBytes })
  work.onProgress({ stage: 'Packing' })
  const manifest = [
    `SHA256(${name}.ovf)= ${createHash('sha256').update(description).digest('hex')}`,
    `SHA256(${diskName})= ${await digestFile(disk, 'sha256', work.signal)}`,
    '',
  ].join('\n')
  const archive = pack()
  const writing = pipeline(archive, createWriteStream(destination, { mode: 0o600 }), { signal: work.signal })
  archive.entry({ name: `${name}.ovf` }, description)
  archive.entry({ name: `${name}.mf` }, manifest)
  const entry = archive.entry({ name: diskName, size: sizeBytes })
  const reading = pipeline(createReadStream(disk), entry, { signal: work.signal }).then(() => archive.finalize())
  await Promise.all([reading, writing])
}

/** As the names in a tar and in a manifest may be without quotes. */
function fileNameOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '') || 'machine'
}

/**
 * The OVF description. The machine has what VMware, VirtualBox and oVirt all know: one processor, 1 GiB of memory, a SCSI controller with
 * the disk, a network. Pure; both names are such as need no quoting.
 */
function describeAppliance(machine: {
  name: string
  diskName: string
  sizeBytes: number
  capacityBytes: number
}): string {
  const { name, diskName, sizeBytes, capacityBytes } = machine
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
    <File ovf:id="file1" ovf:href="${diskName}" ovf:size="${sizeBytes}"/>
  </References>
  <DiskSection>
    <Info>Virtual disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="${capacityBytes}"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="VM Network"><Description>The network of the machine</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${name}">
    <Info>A virtual machine</Info>
    <Name>${name}</Name>
    <OperatingSystemSection ovf:id="36"><Info>Linux</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual hardware</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10 virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${hardware.map(describeItem).join('\n')}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`
}

/** Types of resources by their numbers in CIM_ResourceAllocationSettingData. */
const hardware: readonly Readonly<Record<string, string>>[] = [
  { InstanceID: '1', ResourceType: '3', ElementName: 'Processor', VirtualQuantity: '1' },
  {
    InstanceID: '2',
    ResourceType: '4',
    ElementName: 'Memory',
    AllocationUnits: 'byte * 2^20',
    VirtualQuantity: '1024',
  },
  { InstanceID: '3', ResourceType: '6', ElementName: 'SCSI controller', Address: '0', ResourceSubType: 'lsilogic' },
  {
    InstanceID: '4',
    ResourceType: '17',
    ElementName: 'Disk',
    Parent: '3',
    AddressOnParent: '0',
    HostResource: 'ovf:/disk/vmdisk1',
  },
  {
    InstanceID: '5',
    ResourceType: '10',
    ElementName: 'Network adapter',
    AutomaticAllocation: 'true',
    Connection: 'VM Network',
    ResourceSubType: 'E1000',
  },
]

/** The schema wants the members in the order of the alphabet. */
function describeItem(members: Readonly<Record<string, string>>): string {
  const lines = Object.entries(members)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `        <rasd:${name}>${value}</rasd:${name}>`)
  return ['      <Item>', ...lines, '      </Item>'].join('\n')
}
