import { resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'
import { startFakeDaemon } from './fake-daemon.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

const imageId = 'ami-00000000000000001'
const image = {
  ImageId: imageId,
  Name: 'small',
  State: 'available',
  Architecture: 'x86_64',
  CreationDate: '2026-11-25T01:02:03.000Z',
  RootDeviceName: '/dev/xvda',
  BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-1', VolumeSize: 2 } }],
}
const started = { TaskId: 'task-1' }
const catalog = { KilnDescribeCatalog: () => ({ Entries: [{ Name: 'small', Architecture: 'x86_64' }] }) }
const recipes = { KilnDescribeRecipes: () => ({ Recipes: [{ Name: 'nano', Architectures: ['x86_64'] }] }) }
const listing = {
  DescribeImages: () => ({ Images: [image] }),
  KilnDescribeImageCategories: () => ({ Images: [{ ImageId: imageId, Category: 'quick-start', LoginUser: 'admin' }] }),
}

function ended(task: object) {
  return { KilnDescribeTasks: () => ({ Tasks: [{ TaskId: 'task-1', Stage: 'x', ...task }] }) }
}

async function runAgainst(
  answers: Parameters<typeof startFakeDaemon>[0],
  argv: string[],
  interruption = new AbortController(),
) {
  const daemon = await startFakeDaemon(answers)
  ends.push(() => daemon.close())
  const text = { out: '', err: '' }
  const code = await runCli(argv, {
    paths: daemon.paths,
    environment: {},
    stdin: process.stdin,
    stdout: { write: (part) => (text.out += String(part)) },
    stderr: { write: (part) => (text.err += String(part)) },
    self: ['kiln'],
    signal: interruption.signal,
    runInForeground: async () => 0,
    region: undefined,
  })
  return { code, ...text, calls: daemon.calls }
}

test('lists images with what they take, the size of their disk and whom they let in', async () => {
  const snapshots = {
    DescribeSnapshots: () => ({ Snapshots: [{ SnapshotId: 'snap-1', FullSnapshotSizeInBytes: 27e6 }] }),
  }
  expect((await runAgainst({ ...listing, ...snapshots }, ['image', 'ls'])).out).toMatchInlineSnapshot(`
    "NAME   ID                     STATE      CATEGORY     ARCHITECTURE  SIZE      DISK   LOGIN  CREATED     DESCRIPTION
    small  ami-00000000000000001  available  quick-start  x86_64        25.7 MiB  2 GiB  admin  2026-11-25  -
    "
  `)
})

test('lists the state of each image, and deletes one that is disabled by its name', async () => {
  const images = [
    { ...image, State: 'disabled' },
    { ...image, ImageId: 'ami-00000000000000002', Name: 'old', DeprecationTime: '2026-11-25T01:02:03.000Z' },
  ]
  const answers = {
    ...listing,
    DescribeImages: ({ IncludeDisabled: hasAll }: { IncludeDisabled?: boolean }) => ({ Images: hasAll ? images : [] }),
    DescribeSnapshots: () => ({ Snapshots: [] }),
    DescribeInstances: () => ({ Reservations: [] }),
    DeregisterImage: () => ({}),
  }
  const { out } = await runAgainst(answers, ['image', 'ls'])
  expect(out).toMatch(/^small .* disabled /m)
  expect(out).toMatch(/^old .* deprecated /m)
  expect((await runAgainst(answers, ['image', 'rm', 'small'])).out).toBe(`${imageId}\n`)
})

test('lists among the community images what others and this Kiln have published, and once what was pulled', async () => {
  const pulled = { ...image, ImageId: 'ami-00000000000000002', Name: 'pulled' }
  const published = (name: string, id?: string) => ({ Name: name, OwnerId: '1', ...(id ? { ImageId: id } : {}) })
  const { out } = await runAgainst(
    {
      DescribeImages: () => ({ Images: [image, pulled] }),
      KilnDescribeImageCategories: () => ({
        Images: [
          { ImageId: imageId, Category: 'mine' },
          { ImageId: pulled.ImageId, Category: 'community' },
        ],
      }),
      DescribeSnapshots: () => ({ Snapshots: [] }),
      KilnDescribeCommunityImages: () => ({
        Images: [published('small', imageId), published('pulled', pulled.ImageId), published('others')],
      }),
    },
    ['image', 'ls', '--community'],
  )
  const [, ...lines] = out.trimEnd().split('\n')
  expect(lines.map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ['pulled', pulled.ImageId],
    ['community/1/small', imageId],
    ['community/1/others', '-'],
  ])
})

test('lists of a category what is there and what can be got', async () => {
  const answers = {
    ...listing,
    ...catalog,
    ...recipes,
    DescribeSnapshots: () => ({ Snapshots: [] }),
    KilnDescribeProducts: () => ({ Products: [{ Name: 'acme', Title: 'Acme', Architecture: 'x86_64' }] }),
  }
  expect((await runAgainst(answers, ['image', 'ls', '--mine'])).err).toBe('No images of that category.\n')
  const quickStart = (await runAgainst(answers, ['image', 'ls', '--quick-start'])).out
  expect(quickStart).toMatch(/^small +ami-00000000000000001 +available +quick-start/m)
  expect(quickStart).toMatch(/^nano +- +- +quick-start .*kiln image build nano$/m)
  const all = (await runAgainst(answers, ['image', 'ls', '--all', '-o', 'json'])).out
  expect(JSON.parse(all)).toMatchObject({
    Images: [{ ImageId: imageId, Category: 'quick-start' }],
    Available: [{ Name: 'nano' }, { Name: 'small' }, { Name: 'acme', Category: 'marketplace' }],
  })
})

test('shows the licence before it subscribes, and needs somebody to ask', async () => {
  const Product = { Name: 'acme', Title: 'Acme', Version: '1', Publisher: { Name: 'Acme' }, LicenceSha256: 'abc' }
  const subscribed = { ImageId: imageId, Subscription: {} }
  const answers = { KilnDescribeProduct: () => ({ Product }), KilnSubscribe: () => subscribed }
  const asked = await runAgainst(answers, ['marketplace', 'subscribe', 'acme'])
  expect(asked.code).toBe(2)
  expect(asked.calls.map(({ operation }) => operation)).toEqual(['KilnDescribeProduct'])
  const { calls, out } = await runAgainst(answers, ['marketplace', 'subscribe', 'acme', '--accept-licence'])
  expect(calls[1]).toMatchObject({ operation: 'KilnSubscribe', input: { Product: 'acme', LicenceSha256: 'abc' } })
  expect(out).toBe(`${imageId}\n`)
})

test('marks what of the catalogue is there', async () => {
  const Entries = [
    { Name: 'small', Architecture: 'x86_64', LoginUser: 'admin', Description: 'Small', ImageId: imageId },
    { Name: 'large', Architecture: 'arm64', LoginUser: 'root', Description: 'Large' },
  ]
  const answers = { KilnDescribeCatalog: () => ({ Entries }) }
  expect((await runAgainst(answers, ['image', 'catalog'])).out).toMatchInlineSnapshot(`
    "NAME   ARCHITECTURE  LOGIN  PULLED                 DESCRIPTION
    small  x86_64        admin  ami-00000000000000001  Small
    large  arm64         root   -                      Large
    "
  `)
})

test('a pull tells each stage, the id, and what a person should know', async () => {
  const stages = ['Downloading', 'Downloading', 'Verifying']
  const answers = {
    ...catalog,
    ...listing,
    KilnPullImage: () => started,
    KilnDescribeTasks: () => {
      const Stage = stages.shift()
      const task =
        Stage === undefined ? { State: 'succeeded', ImageId: imageId, Note: 'It is new.' } : { State: 'running' }
      return { Tasks: [{ TaskId: 'task-1', Stage, ...task }] }
    },
  }
  expect(await runAgainst(answers, ['image', 'pull', 'small'])).toMatchObject({
    code: 0,
    out: `${imageId}\n`,
    err: 'Downloading\nVerifying\nIt is new.\nLaunch it with: kiln run small\n',
  })
})

test('a pull of what is built says so', async () => {
  const { code, err, calls } = await runAgainst({ ...catalog, ...recipes }, ['image', 'pull', 'nano'])
  expect(code).toBe(4)
  expect(err).toBe('kiln: The catalogue has no nano.\n      Build it with: kiln image build nano\n')
  expect(calls.map(({ operation }) => operation)).not.toContain('KilnPullImage')
})

test('a build of what is pulled says so', async () => {
  const { code, err } = await runAgainst({ ...catalog, ...recipes }, ['image', 'build', 'small'])
  expect(code).toBe(4)
  expect(err).toBe('kiln: There is no recipe small.\n      Pull it with: kiln image pull small\n')
})

test('a task that failed is told with its code', async () => {
  const failed = { State: 'failed', Error: { Code: 'DownloadFailed', Message: 'It broke off.' } }
  const answers = { ...catalog, KilnPullImage: () => started, ...ended(failed) }
  expect(await runAgainst(answers, ['image', 'pull', 'small'])).toMatchObject({
    code: 1,
    out: '',
    err: 'kiln: It broke off. (DownloadFailed)\n',
  })
})

test('Ctrl-C cancels the pull and says that what has come is kept', async () => {
  const interruption = new AbortController()
  const answers = {
    ...catalog,
    KilnPullImage: () => started,
    KilnDescribeTasks: () => {
      interruption.abort()
      return { Tasks: [{ TaskId: 'task-1', State: 'running', Stage: 'Downloading' }] }
    },
    KilnCancelTask: () => ({ Task: { TaskId: 'task-1', State: 'cancelled' } }),
  }
  const { code, err, calls } = await runAgainst(answers, ['image', 'pull', 'small'], interruption)
  expect(code).toBe(130)
  expect(calls.at(-1)).toMatchObject({ operation: 'KilnCancelTask', input: { TaskId: 'task-1' } })
  expect(err).toContain('What has come of the download is kept: the same command goes on from there.')
})

test('an import hands over the whole path of a file, and all that was said of it', async () => {
  const answers = { ...listing, KilnImportImage: () => started, ...ended({ State: 'succeeded', ImageId: imageId }) }
  const argv = ['image', 'import', 'some/disk.img.xz', '--name', 'mine', '--description', 'My own', '--arch', 'arm64']
  const { calls } = await runAgainst(answers, [...argv, '--login-user', 'me', '--checksum', 'sha256:00'])
  expect(calls[0]).toMatchObject({
    operation: 'KilnImportImage',
    input: {
      Source: resolve('some/disk.img.xz'),
      Name: 'mine',
      Description: 'My own',
      Architecture: 'arm64',
      LoginUser: 'me',
      Checksum: 'sha256:00',
    },
  })
})

test('an import leaves a URL as it is', async () => {
  const answers = { ...listing, KilnImportImage: () => started, ...ended({ State: 'succeeded', ImageId: imageId }) }
  const { calls } = await runAgainst(answers, ['image', 'import', 'https://example.org/disk.ova', '--name', 'mine'])
  expect(calls[0]?.input).toEqual({ Source: 'https://example.org/disk.ova', Name: 'mine' })
})

test.each([
  [['image', 'import', 'ftp://example.org/disk.ova', '--name', 'mine'], /not from ftp/],
  [['image', 'import', 'disk.img'], /--name/],
  [['image', 'import', 'disk.img', '--name', 'mine', '--arch', 'sparc'], /x86_64, i386, arm64/],
])('%j is wrong usage', async (argv, message) => {
  const { code, err, calls } = await runAgainst({}, argv)
  expect(code).toBe(2)
  expect(err).toMatch(message)
  expect(calls).toEqual([])
})

test('rm deletes the snapshots too, and tells who keeps the disk', async () => {
  const user = { InstanceId: 'i-00000000000000001', State: { Name: 'running' } }
  const gone = { InstanceId: 'i-00000000000000002', State: { Name: 'terminated' } }
  const answers = {
    ...listing,
    DescribeInstances: () => ({ Reservations: [{ Instances: [user, gone] }] }),
    DeregisterImage: () => ({}),
  }
  const { code, out, err, calls } = await runAgainst(answers, ['image', 'rm', 'small', imageId])
  expect(code).toBe(0)
  expect(out).toBe(`${imageId}\n`)
  expect(err).toBe('The disk of small stays until these are terminated: i-00000000000000001\n')
  const deleted = calls.filter(({ operation }) => operation === 'DeregisterImage')
  expect(deleted.map(({ input }) => input)).toEqual([{ ImageId: imageId, DeleteAssociatedSnapshots: true }])
})

test('rm deletes nothing when one of the names is wrong', async () => {
  const { code, calls } = await runAgainst({ ...listing, ...recipes, ...catalog }, ['image', 'rm', 'small', 'smal'])
  expect(code).toBe(4)
  expect(calls.map(({ operation }) => operation)).not.toContain('DeregisterImage')
})

describe('an export', () => {
  const several = {
    DescribeImages: () => ({
      Images: [
        {
          ...image,
          BlockDeviceMappings: [
            ...image.BlockDeviceMappings,
            { DeviceName: '/dev/sdf', Ebs: { SnapshotId: 'snap-2' } },
          ],
        },
      ],
    }),
  }
  const done = { KilnExportSnapshot: () => started, ...ended({ State: 'succeeded' }) }

  test.each([
    [['disk.img'], { SnapshotId: 'snap-1', Format: 'raw' }],
    [['disk.QCOW2', '--compress'], { SnapshotId: 'snap-1', Format: 'qcow2', IsCompressed: true }],
    [['disk.img', '--format', 'ova', '--force'], { SnapshotId: 'snap-1', Format: 'ova', Overwrite: true }],
  ])('%j', async ([file = '', ...options], asked) => {
    const { code, out, calls } = await runAgainst({ ...listing, ...done }, [
      'image',
      'export',
      'small',
      file,
      ...options,
    ])
    expect({ code, out }).toEqual({ code: 0, out: `${resolve(file)}\n` })
    expect(calls.find(({ operation }) => operation === 'KilnExportSnapshot')?.input).toEqual({
      Destination: resolve(file),
      ...asked,
    })
  })

  test.each([
    [['disk'], 'The name disk says no format.'],
    [['disk.vmdk', '--compress'], '--compress goes with qcow2 only'],
    [['disk.raw'], 'small has several devices: /dev/xvda, /dev/sdf.'],
    [['disk.raw', '--device', '/dev/sdz'], 'small has no device /dev/sdz.'],
  ])('of %j is refused', async (rest, message) => {
    const { code, err, calls } = await runAgainst({ ...several, ...done }, ['image', 'export', 'small', ...rest])
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(calls.map(({ operation }) => operation)).not.toContain('KilnExportSnapshot')
  })

  test('of one device of several', async () => {
    const argv = ['image', 'export', 'small', 'disk.raw', '--device', '/dev/sdf']
    const { calls } = await runAgainst({ ...several, ...done }, argv)
    expect(calls.find(({ operation }) => operation === 'KilnExportSnapshot')?.input).toMatchObject({
      SnapshotId: 'snap-2',
    })
  })
})
