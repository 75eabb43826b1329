import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { s3Keys, startS3Server } from '../../../object-store/s3-server.ts'
import { type ApiLab, openApiLab } from '../api-lab.ts'
import { openOtherAccount } from '../other-account.ts'

const otherId = '210987654321'

/** A daemon with two buckets, to import from and to export to. */
export type TransferLab = Awaited<ReturnType<typeof openTransferLab>>

/** Opens one whose daemon looks for programs there first. */
export async function openTransferLab(programs?: string) {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-bucket-'))
  const server = await startS3Server()
  const api = await openApiLab(
    stringify({
      images: { importDirectories: [join(directory, 'open')] },
      buckets: {
        backups: { directory, accounts: ['123456789012', otherId] },
        archive: { endpoint: server.endpoint, bucket: 'there' },
      },
      quotas: { activeTransfers: 2 },
      encryption: { keys: ['alias/payroll'] },
    }),
    programs,
  )
  const { lab } = api
  await writeFile(join(lab.home, 'bucket-credentials.yaml'), stringify({ archive: s3Keys }), { mode: 0o600 })
  await execa('mkdir', [join(directory, 'open')])
  await execa('cp', [join(lab.home, 'empty.raw'), join(directory, 'open/disk.raw')])
  return {
    ...api,
    /** Behind the bucket `archive`. */
    server,
    /** Another account, which has the bucket `backups` too. */
    other: openOtherAccount(api, otherId),
    /** The bucket `backups` and, in it, the directory `open` that everyone may import from, with `disk.raw`. */
    directory,
    ends: followTransfers(api),
    describe: async (imageId: string | undefined) => {
      const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId ?? ''] })
      return images?.[0] ?? {}
    },
    /** Bytes of a snapshot's disk. */
    contentOf: async (snapshotId: string | undefined) => {
      const file = join(lab.home, 'content.raw')
      expect((await lab.kiln('snapshot', 'export', snapshotId ?? '', file, '--force')).exitCode).toBe(0)
      return await readFile(file)
    },
    /** Puts `hostile.qcow2`, which wants to be read with a file of the host, and `text`, which is no disk, into the bucket `backups`. */
    putHostileFiles: async () => {
      const hostile = join(directory, 'hostile.qcow2')
      await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', hostile])
      await writeFile(join(directory, 'text'), 'hello'.repeat(1000))
    },
    /** The layers that there are. */
    layers: async () => (await readdir(join(lab.home, 'layers'))).sort(),
    close: async () => {
      expect(await lab.close()).toEqual([])
      server.close()
      await rm(directory, { recursive: true })
    },
  }
}

/** Each waits until a task is over, and answers it. */
function followTransfers({ lab }: ApiLab) {
  return {
    ofImport: (id: string | undefined) =>
      endOf(
        async () => (await lab.call('DescribeImportImageTasks', { ImportTaskIds: [id ?? ''] })).ImportImageTasks?.[0],
        isOver,
      ),
    ofSnapshotImport: (id: string | undefined) =>
      endOf(async () => {
        const { ImportSnapshotTasks: tasks } = await lab.call('DescribeImportSnapshotTasks', {
          ImportTaskIds: [id ?? ''],
        })
        return tasks?.[0]?.SnapshotTaskDetail
      }, isOver),
    ofExport: (id: string | undefined) =>
      endOf(
        async () =>
          (await lab.call('DescribeExportImageTasks', { ExportImageTaskIds: [id ?? ''] })).ExportImageTasks?.[0],
        isOver,
      ),
    ofStore: (imageId: string) =>
      endOf(
        async () => (await lab.call('DescribeStoreImageTasks', { ImageIds: [imageId] })).StoreImageTaskResults?.at(-1),
        ({ StoreTaskState: state }) => state !== 'InProgress',
      ),
  }
}

const isOver = ({ Status: state }: { Status?: string | undefined }) => state !== 'active' && state !== 'deleting'

async function endOf<Task extends object>(
  look: () => Promise<Task | undefined>,
  hasEnded: (task: Task) => boolean,
): Promise<Partial<Task>> {
  for (;;) {
    const task = await look()
    if (!task) return {}
    if (hasEnded(task)) return task
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
