import type { LayerFlattener } from '../ec2/layer/layer-flattener.ts'
import type { Catalog } from '../ec2/ports/catalog.ts'
import type { DiskHost } from '../ec2/ports/disk.ts'
import type { ImageBuilder } from '../ec2/ports/image-builder.ts'
import type { AcceleratorVerdict } from '../ec2/ports/accelerator.ts'
import type { Network } from '../ec2/ports/network.ts'
import type { DnsZone } from '../ec2/ports/vpc-names.ts'

/** Where this host asks for names of instances. */
export interface HostDnsStatus {
  readonly address: string
  /** 0: nowhere. */
  readonly port: number
  /** Why nobody answers there. */
  readonly problem?: string
}

/** Where serial consoles are opened by SSH. */
export interface SerialConsoleStatus {
  readonly address: string
  /** 0: nowhere. */
  readonly port: number
  /** Why nobody answers there. */
  readonly problem?: string
}

/** What only Kiln's own operations need. */
export interface KilnDependencies {
  readonly network: Network
  /** How often an instance has asked the metadata service. */
  readonly metadataUsageOf: (instanceId: string) => { readonly requestCount: number; readonly throttledCount: number }
  /** Of the key that identity documents are signed with, PEM. */
  readonly identityCertificate: () => Promise<string>
  readonly disks: DiskHost
  readonly flattener: Pick<LayerFlattener, 'problem'>
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly chooseAccelerator: () => Promise<AcceleratorVerdict>
  readonly daemon: { readonly version: string; readonly startedAt: Date; readonly defaultRegion: string }
  readonly endpointUrl: () => string
  readonly hostDns: { status(): HostDnsStatus; zones(): DnsZone[] }
  readonly serialConsole: () => SerialConsoleStatus
}
