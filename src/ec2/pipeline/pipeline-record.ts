import type { Scope, Store } from '../ports/store.ts'
import type { PipelineBuildRecord, PipelineRecord } from './pipeline.ts'

/** The builds of a pipeline in an account and region, the oldest first. */
export function buildsOf(store: Store, { accountId, region }: Scope, name: string): PipelineBuildRecord[] {
  return store.pipelineBuilds
    .listBy('pipeline', name)
    .filter((build) => build.accountId === accountId && build.region === region)
}

/** What is remembered of a pipeline; a new record when nothing is. */
export function findPipelineRecord(store: Store, { accountId, region }: Scope, name: string): PipelineRecord {
  const id = `${accountId}/${region}/${name}`
  return store.pipelines.find(id) ?? { accountId, region, id, name, lastBuildNumber: 0 }
}

/** Inside a transaction. */
export function savePipelineRecord(store: Store, record: PipelineRecord): void {
  if (store.pipelines.find(record.id)) store.pipelines.replace(record)
  else store.pipelines.insert(record)
}
