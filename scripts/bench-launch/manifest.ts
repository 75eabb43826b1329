import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../test/e2e/lab.ts'

/** Seconds that `kiln up` takes until SSH answers on all servers of a manifest; they are gone when this resolves. */
export async function bringUp(
  lab: Lab,
  servers: {
    readonly imageId: string
    readonly type: string
    readonly count: number
    /** Whatever templates there are. */
    readonly isBooted: boolean
  },
): Promise<number> {
  const file = join(lab.home, 'lab.yaml')
  await writeFile(
    file,
    [
      'name: bench',
      `images: { debian: { existing: ${servers.imageId} } }`,
      'securityGroups: { open: { ingress: [{ ports: 22, from: 0.0.0.0/0 }] } }',
      'instances:',
      `  server: { image: debian, type: ${servers.type}, count: ${servers.count}, securityGroups: [open]${servers.isBooted ? ', fastLaunch: false' : ''} }`,
      '',
    ].join('\n'),
  )
  const began = performance.now()
  await run(lab, 'up', '-f', file, '--wait', 'ssh', '--yes')
  const seconds = (performance.now() - began) / 1000
  await run(lab, 'down', '-f', file, '--yes')
  return seconds
}

async function run(lab: Lab, ...words: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await lab.kiln(...words)
  if (exitCode !== 0) throw new Error(`kiln ${words.join(' ')}: ${stderr}`)
}
