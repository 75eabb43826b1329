import type { ImageRoom } from './image-room.ts'
import type { MachineRoom } from './machine-room.ts'
import type { NetworkRoom } from './network-room.ts'
import type { StorageRoom } from './storage-room.ts'

/** All that the daemon keeps and runs, by its kind. */
export interface Rooms {
  readonly storage: StorageRoom
  readonly network: NetworkRoom
  readonly machines: MachineRoom
  readonly images: ImageRoom
}
