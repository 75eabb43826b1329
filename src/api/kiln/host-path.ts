import { z } from 'zod'

/** An absolute path of the host. */
export const hostPath = z.string().startsWith('/', 'must be an absolute path').max(4096)
