import { setFlagsFromString } from 'node:v8'

/**
 * Keeps V8's heap near what is in use. By itself V8 doubles the space for young objects under load, up to three times 16 MiB, and lets
 * the old ones grow to several times of what lives before it looks which do: both are never given back, and the daemon is no faster for
 * the first and little for the second (Node 20).
 */
export function keepHeapSmall(): void {
  // Less than 4 MiB would be collected so often that the start took longer.
  setFlagsFromString('--min-semi-space-size=4')
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=100')
}
