import { createHash } from 'node:crypto'
import type { Lab } from '../lab.ts'
import type { Observed } from '../observed.ts'
import { type Detail, operationId, type PlanDraft } from './plan.ts'

/** Pipelines are put anew when anything about them is different, a file beside the manifest too. */
export function planPipelines(draft: PlanDraft, lab: Lab, observed: Observed): void {
  const wanted = new Map([...lab.pipelines.values()].map((pipeline) => [pipeline.name, pipeline]))
  for (const pipeline of wanted.values()) {
    const { key, name, document } = pipeline
    const found = observed.pipelines.find((other) => other.Name === name)
    if (found?.DocumentSha256 === createHash('sha256').update(document).digest('hex')) continue
    const details: Detail[] = [{ name: 'name', new: name }]
    draft.changes.push({
      address: `pipelines.${key}`,
      action: found ? 'update' : 'create',
      details: found ? [{ name: 'definition', old: 'as it was', new: 'as it is in the manifest' }] : details,
    })
    draft.operations.push({ kind: 'put-pipeline', id: operationId.putPipeline(name), pipeline, after: [] })
  }
  for (const { Name: name } of observed.pipelines) if (!wanted.has(name)) planPipelineRemoval(draft, lab, name)
}

/** The pipeline is forgotten; its images stay. */
export function planPipelineRemoval(draft: PlanDraft, lab: Lab, name: string): void {
  draft.changes.push({
    address: `pipelines.${name.slice(lab.name.length + 1)}`,
    action: 'delete',
    details: [{ name: 'name', old: name }],
  })
  draft.operations.push({ kind: 'delete-pipeline', id: operationId.deletePipeline(name), name, after: [] })
}
