import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, vi } from 'vitest'
import type { FullLab } from './full-lab.ts'

/** Where the state directory keeps what has come of a pull. */
export const downloads = ['cache', 'downloads'] as const

/** What the records know of comes to be there, and nothing else. */
export async function expectNothingHalf(full: Pick<FullLab, 'lab' | 'directory'>): Promise<void> {
  await vi.waitFor(() => compareWithRecords(full), { timeout: 400_000, interval: 50 })
}

/** And each layer has the content that it had. */
export async function expectWhole(full: Pick<FullLab, 'lab' | 'directory'>): Promise<void> {
  await expectNothingHalf(full)
  expect(await full.lab.kiln('disk', 'check')).toMatchObject({ exitCode: 0, stdout: '' })
}

interface DiskDocument {
  readonly id: string
  readonly state: string
  readonly encryptionKeyId?: string
}

async function compareWithRecords({ lab, directory }: Pick<FullLab, 'lab' | 'directory'>): Promise<void> {
  const [layers, volumes] = readDocuments(join(lab.home, 'kiln.db'))
  const filesIn = async (...names: string[]) =>
    (await readdir(join(lab.home, ...names)).catch((): string[] => [])).sort()
  expect(layers.filter(({ state }) => state !== 'available')).toEqual([])
  expect(await filesIn('layers')).toEqual(layers.map(({ id }) => id).sort())
  for (const { id } of layers) expect(await filesIn('layers', id)).toEqual(['disk.qcow2', 'layer.yaml'])
  const made = volumes.filter(({ state }) => state !== 'error').map(({ id }) => id)
  expect(await filesIn('volumes')).toEqual(made.sort())
  const keys = [...layers, ...volumes].flatMap(({ encryptionKeyId }) => encryptionKeyId ?? [])
  expect(await filesIn('keyring')).toEqual([...new Set(keys)].sort())
  for (const room of [['staging'], downloads]) expect(await filesIn(...room)).toEqual([])
  for (const name of ['outside', 'small']) {
    const objects = await readdir(join(directory, name), { recursive: true })
    expect(objects.filter((object) => object.includes('part'))).toEqual([])
  }
}

function readDocuments(path: string): [layers: DiskDocument[], volumes: DiskDocument[]] {
  const database = new Database(path, { readonly: true })
  const documentsOf = (table: string) =>
    database
      .prepare<[], { document: string }>(`SELECT document FROM ${table}`)
      .all()
      .map(({ document }) => JSON.parse(document) as DiskDocument)
  try {
    return [documentsOf('layer'), documentsOf('volume')]
  } finally {
    database.close()
  }
}
