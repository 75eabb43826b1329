import type { LayerFlattener } from '../ec2/layer/layer-flattener.ts'
import type { Catalog, DiskHost, ImageBuilder } from '../ec2/ports/disk.ts'
import type { AcceleratorVerdict } from '../ec2/ports/machine.ts'
import type { Network } from '../ec2/ports/network.ts'

/** What only Kiln's own operations need. */
export interface KilnDependencies {
  readonly network: Network
  readonly disks: DiskHost
  readonly flattener: Pick<LayerFlattener, 'problem'>
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly chooseAccelerator: () => Promise<AcceleratorVerdict>
  readonly daemon: { readonly version: string; readonly startedAt: Date; readonly defaultRegion: string }
  readonly endpointUrl: () => string
}
