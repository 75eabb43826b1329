import type { Architecture } from './accelerator.ts'
import type { WorkOptions } from './work.ts'

/** A disk that a recipe made. */
export interface BuiltDisk {
  /** A qcow2 or raw file in the work directory. */
  readonly path: string
  readonly architecture: Architecture
  readonly name: string
  readonly description: string
  readonly loginUser: string
}

/** What can be built. */
export interface RecipeSummary {
  readonly name: string
  readonly description: string
  /** The one of a build that asks for none comes first. */
  readonly architectures: readonly Architecture[]
}

/** Builds images from the recipes in images/. */
export interface ImageBuilder {
  listRecipes(): Promise<readonly RecipeSummary[]>
  /**
   * Builds into `workDirectory` (exists, empty). Rejects with Ec2Error when the recipe is unknown, does not know the architecture, or a
   * tool is missing.
   */
  build(
    recipe: string,
    architecture: Architecture | undefined,
    workDirectory: string,
    work: WorkOptions,
  ): Promise<BuiltDisk>
}
