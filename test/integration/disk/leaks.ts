import { open } from 'node:fs/promises'

const clusterBytes = 64 * 1024
/** Where an empty qcow2 of ours has its first block of reference counts, two bytes each (empty-qcow2.ts). */
const refcountBlock = 2 * clusterBytes

/** Lets a qcow2 of ours count one cluster more at its end, which nothing refers to: as a QEMU leaves it that is killed on its way. */
export async function leakCluster(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const cluster = Math.ceil((await file.stat()).size / clusterBytes)
    await file.truncate((cluster + 1) * clusterBytes)
    await file.write(Buffer.from([0, 1]), 0, 2, refcountBlock + 2 * cluster)
  } finally {
    await file.close()
  }
}
