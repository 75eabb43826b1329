import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HostFacts } from '../../../src/manifest/host-facts.ts'
import type { Lab } from '../../../src/manifest/lab.ts'
import { createManifestFiles } from '../../../src/manifest/manifest-files.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { nothing } from './shop-lab.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-lab-pipeline-'))
  await writeFile(join(directory, 'setup.sh'), 'echo hello\n')
  await writeFile(join(directory, 'page.html'), 'hello')
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

const manifest = `
name: shop
pipelines:
  app:
    base: { pipeline: base }
    parameters: { TOKEN: { secret: true, file: token.txt } }
    components:
      - name: app
        version: 1.0.0
        steps:
          - script: setup.sh
          - copy: { from: page.html, to: /srv/page.html }
  base:
    base: { recipe: nano }
    components: [{ use: busybox-web }]
images:
  app: { pipeline: app }
instances:
  web: { image: app }
`

async function parse(text = manifest): Promise<Lab> {
  return (await parseManifest({ text, file: 'lab.yaml', files: createManifestFiles(directory) })).lab
}

const facts: HostFacts = {
  recipes: new Map(),
  catalog: new Map(),
  instanceTypes: new Map([['t3.micro', ['x86_64']]]),
}

async function observe(document: string): Promise<Observed> {
  const put = (name: string, text: string) => ({
    Name: name,
    Source: 'lab shop',
    IsEnabled: true,
    DocumentSha256: createHash('sha256').update(text).digest('hex'),
  })
  const { pipelines } = await parse()
  return {
    ...nothing,
    pipelines: [put('shop-app', document), put('shop-base', pipelines.get('base')?.document ?? '')],
  }
}

test('puts the files beside the manifest into its pipelines, and leaves secrets where they are', async () => {
  const { pipelines } = await parse()
  expect(pipelines.get('app')?.name).toBe('shop-app')
  expect(JSON.parse(pipelines.get('app')?.document ?? '')).toEqual({
    base: { pipeline: 'shop-base' },
    parameters: { TOKEN: { secret: true, file: join(directory, 'token.txt') } },
    components: [
      {
        name: 'app',
        version: '1.0.0',
        steps: [
          { name: 'setup.sh', run: 'echo hello\n' },
          { copy: { to: '/srv/page.html', base64: Buffer.from('hello').toString('base64') } },
        ],
      },
    ],
  })
})

test('tells mistakes in pipelines at their places', async () => {
  const wrong = manifest
    .replace('version: 1.0.0', 'versoin: 1.0.0')
    .replace('images:\n  app: { pipeline: app }', 'images:\n  app: { pipeline: ap }')
  await expect(parse(wrong)).rejects.toThrow(
    'lab.yaml:9:9: pipelines.app.components[0].versoin: unknown key. Did you mean version?',
  )
  await expect(parse(wrong)).rejects.toThrow('images.app.pipeline: the manifest has no pipeline ap. Did you mean app?')
  await expect(parse(manifest.replace('setup.sh', 'set-up.sh'))).rejects.toThrow(
    'lab.yaml:11:21: pipelines.app.components[0].steps[0].script: there is no file set-up.sh.',
  )
})

test('builds an image by its pipeline once that is put, and instances of it after that', async () => {
  const { operations, changes } = planUp(await parse(), nothing, facts)
  expect(changes.map(({ address, action }) => `${action} ${address}`)).toEqual([
    'create pipelines.app',
    'create pipelines.base',
    'create images.app',
    'create instances.web[0]',
  ])
  expect(operations.find(({ kind }) => kind === 'make-image')?.after).toEqual(['set pipeline shop-app'])
  expect(operations.find(({ kind }) => kind === 'launch-instance')?.after).toEqual(['make image shop-app'])
})

test('takes the newest image of a pipeline whose build has succeeded', async () => {
  const lab = await parse()
  const image = (id: string, build: string, date: string) => ({
    ImageId: id,
    CreationDate: date,
    Tags: [
      { Key: 'kiln:pipeline', Value: 'shop-app' },
      { Key: 'kiln:pipeline-build', Value: build },
    ],
  })
  const observed = await observe(lab.pipelines.get('app')?.document ?? '')
  const [app, base] = observed.pipelines
  const lastBuild = { BuildId: 'task-2', State: 'running' } as NonNullable<typeof app>['LastBuild']
  const images = [image('ami-1', 'task-1', '2026-01-01'), image('ami-2', 'task-2', '2026-01-02')]
  const pipelines = app && base && lastBuild ? [{ ...app, LastBuild: lastBuild }, base] : []
  expect(planUp(lab, { ...observed, images, pipelines }, facts).known.get('images.app')).toBe('ami-1')
})

test('changes a pipeline that is different, forgets one that is gone, and all of them with the lab', async () => {
  const lab = await parse()
  const observed = await observe('{}')
  const actions = ({ changes }: ReturnType<typeof planUp>) =>
    changes
      .filter(({ address }) => address.startsWith('pipelines.'))
      .map(({ address, action }) => `${action} ${address}`)
  expect(actions(planUp(lab, observed, facts))).toEqual(['update pipelines.app'])
  const { pipelines } = lab
  const fewer = { ...lab, pipelines: new Map([...pipelines].filter(([key]) => key === 'app')) }
  expect(actions(planUp(fewer, observed, facts))).toEqual(['update pipelines.app', 'delete pipelines.base'])
  expect(actions(planDown(lab, observed, { images: false }))).toEqual(['delete pipelines.app', 'delete pipelines.base'])
})
