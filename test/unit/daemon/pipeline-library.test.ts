import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPipelineLibrary } from '../../../src/daemon/pipeline-library.ts'
import type { Pipeline } from '../../../src/ec2/pipeline/pipeline.ts'
import { digestPipeline } from '../../../src/ec2/pipeline/pipeline-digest.ts'
import type { PipelineLibrary } from '../../../src/ec2/pipeline/pipeline-library.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { projectRoot } from '../../../src/host/installation.ts'
import { openStore } from '../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }

let directory: string
let store: Store
let library: PipelineLibrary

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-library-'))
  for (const name of ['shipped/pipelines', 'own/pipelines', 'own/components'])
    await mkdir(join(directory, name), { recursive: true })
  store = openStore(join(directory, 'kiln.db'))
  library = createPipelineLibrary({ store, directories: [join(directory, 'shipped'), join(directory, 'own')] })
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true, force: true })
})

async function put(path: string, text: string): Promise<void> {
  await writeFile(join(directory, path), text)
}

const page = `
base: { recipe: nano }
parameters:
  TOKEN: { secret: true }
  PORT: { default: "80" }
components:
  - name: page
    version: 1.2.0
    steps:
      - copy: { from: page.html, to: /srv/page.html }
      - run: echo hello
tests:
  - run: "true"
`

async function load(): Promise<Pipeline> {
  return await library.load(scope, 'page')
}

async function problemsOf(text: string): Promise<string[]> {
  await put('own/pipelines/page.yaml', text)
  const path = join(directory, 'own/pipelines/page.yaml')
  const error = await load().then(
    () => new Error('it was accepted'),
    (caught: Error) => caught,
  )
  return error.message.replaceAll(path, 'page.yaml').split('\n')
}

test('spells a pipeline out: files read, defaults filled in', async () => {
  await put('own/pipelines/page.html', '<p>hello</p>')
  await put('own/pipelines/page.yaml', page)
  const pipeline = await load()
  expect(pipeline.components).toEqual([
    {
      name: 'page',
      version: '1.2.0',
      steps: [
        {
          kind: 'copy',
          title: 'copy /srv/page.html',
          content: Buffer.from('<p>hello</p>'),
          to: '/srv/page.html',
          mode: '0644',
          owner: 'root:root',
          environment: {},
          timeoutMs: 1_800_000,
        },
        { kind: 'script', title: 'echo hello', text: 'echo hello', environment: {}, timeoutMs: 1_800_000 },
      ],
    },
  ])
  expect(pipeline.image.name).toBe('${pipeline}-${date}-${build}')
})

test('tells file, line, column and key of each mistake, with what was probably meant', async () => {
  expect(
    await problemsOf(
      page
        .replace('copy:', 'copi:')
        .replace('version: 1.2.0', 'version: 1.2')
        .replace('run: "true"', 'run: "true"\n    timeout: 5 minutes'),
    ),
  ).toEqual([
    'page.yaml:8:14: components.0.version: expected a text such as "1.0.0".',
    'page.yaml:10:9: components.0.steps.0.copi: there is no such key; did you mean copy?',
    'page.yaml:10:9: components.0.steps.0: expected exactly one of run, script, packages, copy, reboot.',
    'page.yaml:14:14: tests.0.timeout: expected a time such as 90s, 15m or 2h.',
  ])
})

test('tells of files and components that are not there, and of templates that mean nothing', async () => {
  await put('own/components/nginx.yaml', 'version: 1.0.0\nsteps: [{ script: nginx.sh }]')
  const text = page
    .replace('tests:', '  - use: ngix\n  - use: nginx\n    version: 2.0.0\ntests:')
    .concat('image: { name: "web-${TOKEN}" }\n')
  const missing = (path: string) => `there is no file ${join(directory, path)}.`
  expect(await problemsOf(text)).toEqual([
    `page.yaml:10:23: components.0.steps.0.copy.from: ${missing('own/pipelines/page.html')}`,
    'page.yaml:12:10: components.1.use: there is no component ngix; did you mean nginx?',
    `page.yaml:13:10: components.2.use: nginx: ${missing('own/components/nginx.sh')}`,
    'page.yaml:14:14: components.2.version: the component nginx has the version 1.0.0.',
    'page.yaml:17:16: image.name: there is no ${TOKEN}. Known: pipeline, build, date, time, base, PORT; secret parameters cannot be told.',
  ])
})

test("takes the user's own file in place of the one that Kiln comes with, and lists what cannot be used", async () => {
  await put('shipped/pipelines/page.yaml', page)
  await put('own/pipelines/page.yaml', 'base: {}')
  const [listed] = await library.list(scope)
  expect(listed).toMatchObject({ name: 'page', source: join(directory, 'own/pipelines/page.yaml') })
  expect(listed?.definition).toHaveProperty('problem')
  await expect(library.load(scope, 'pages')).rejects.toThrow('There is no pipeline pages. There are: page.')
})

test('knows a pipeline as changed by its base, its steps, the files that it copies and its parameters alone', async () => {
  await put('own/pipelines/page.html', '<p>hello</p>')
  const digestOf = async (text: string, base = 'ami-1', values: [string, string][] = [['TOKEN', 'a']]) => {
    await put('own/pipelines/page.yaml', text)
    return digestPipeline(await load(), base, new Map(values))
  }
  const before = await digestOf(page)
  expect(await digestOf(page.replace('- run: echo', '- name: greet\n        run: echo'))).toBe(before)
  expect(await digestOf(`${page}retention: { keep: 2 }\n`)).toBe(before)
  // Whoever sees a digest must not be able to try out what a secret may be.
  expect(await digestOf(page, 'ami-1', [['TOKEN', 'b']])).toBe(before)
  const changed = [
    await digestOf(page, 'ami-2'),
    await digestOf(page.replace('echo hello', 'echo bye')),
    await digestOf(page.replace('"true"', '"false"')),
    await digestOf(page, 'ami-1', [['PORT', '81']]),
  ]
  await put('own/pipelines/page.html', '<p>bye</p>')
  changed.push(await digestOf(page))
  expect(new Set([before, ...changed]).size).toBe(6)
})

test('shows in the guide the files that Kiln comes with', async () => {
  const guide = await readFile(join(projectRoot, 'docs/guides/pipelines.md'), 'utf8')
  for (const file of ['images/pipelines/nano-web.yaml', 'images/components/busybox-web.yaml']) {
    expect(guide).toContain(`\`\`\`yaml\n${await readFile(join(projectRoot, file), 'utf8')}\`\`\``)
  }
})

test('can use every pipeline that Kiln comes with', async () => {
  const shipped = createPipelineLibrary({ store, directories: [join(projectRoot, 'images')] })
  const listed = await shipped.list(scope)
  expect(listed.map(({ name }) => name)).toContain('nano-web')
  expect(listed.filter(({ definition }) => 'problem' in definition)).toEqual([])
})
