import { join } from 'node:path'

/** Where Kiln is installed: `config/`, `images/` and `package.json` lie there, beside `src/` and `dist/`. */
export const projectRoot = join(import.meta.dirname, '..', '..')
