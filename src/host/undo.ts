/** Steps that take back what was done so far, should a later step fail: last in, first out. */
export interface UndoStack {
  add(step: () => unknown): void
}

/**
 * Runs work made of several steps; each registers how to take it back. When the work throws, the steps registered so far
 * are undone in reverse order and the error goes on to the caller. A failing undo step does not stop the others.
 */
export async function withUndo<T>(work: (undo: UndoStack) => Promise<T>): Promise<T> {
  const steps: (() => unknown)[] = []
  try {
    return await work({ add: (step) => steps.push(step) })
  } catch (error) {
    for (const step of steps.reverse()) {
      try {
        await step()
      } catch (undoError) {
        if (error instanceof Error && error.cause === undefined) error.cause = undoError
      }
    }
    throw error
  }
}
