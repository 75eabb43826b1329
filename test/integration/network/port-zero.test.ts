import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'

test('datagrams from port 0, where nobody hears an answer, are passed over, and honest ones after them are served', async () => {
  const program = join(import.meta.dirname, 'port-zero-lab.ts')
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const { stdout } = await execa(
    'unshare',
    [
      ...['--user', '--map-root-user', '--net', ...inside],
      ...[process.execPath, '--import', import.meta.resolve('tsx'), program],
    ],
    { timeout: 60_000 },
  )
  expect(JSON.parse(stdout)).toEqual({
    from: 0,
    publicPort: { heard: ['honest'], answer: 'answer to honest' },
    proxy: 'honest',
  })
})
