import { keepHeapSmall } from './small-heap.ts'

// Before anything else is loaded.
keepHeapSmall()
await import('./serve.ts')
