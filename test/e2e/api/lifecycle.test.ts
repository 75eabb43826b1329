import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { changeRecords, codeOf, openOtherAccount } from './other-account.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
  await mkdir(join(api.lab.home, 'lifecycle'))
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const write = (name: string, text: string) => writeFile(join(api.lab.home, 'lifecycle', `${name}.yaml`), text)
const run = async (name: string, isDryRun = false) =>
  (await api.lab.call('KilnRunLifecyclePolicy', { Name: name, IsDryRun: isDryRun })).Run.Steps
const stateOf = async (name: string) => {
  const { Policies: policies } = await api.lab.call('KilnDescribeLifecyclePolicies', {})
  return policies.find(({ Name }) => Name === name)?.State
}

const nightly = `schedule: 0 3 * * *
timeZone: Europe/Berlin
snapshots:
  tags: { backup: nightly }
  copyTags: true
  addTags: { by: lifecycle }
  copyTo: [eu-west-1]
  keep: 2
`

test('a policy tells what it would do until it is enabled, and again when its file has changed', async () => {
  await write('nightly', nightly)
  await write('broken', 'snapshots: { tags: { a: b }, keep: 0 }\n')
  const { stdout } = await api.lab.kiln('lifecycle', 'ls')
  expect(stdout).toMatch(/^nightly +trial +snapshots +us-east-1 +0 3 \* \* \* Europe\/Berlin +20/m)
  expect(stdout).toMatch(/^broken +malformed .*broken\.yaml:1:36: snapshots\.keep/m)
  await api.lab.call('KilnEnableLifecyclePolicy', { Name: 'nightly' })
  expect(await stateOf('nightly')).toBe('enabled')
  await write('nightly', `description: of the database\n${nightly}`)
  expect(await stateOf('nightly')).toBe('trial')
  expect(await codeOf(run('broken'))).toBe('InvalidLifecyclePolicy.Malformed')
  expect(await codeOf(run('none'))).toBe('InvalidLifecyclePolicy.NotFound')
})

test('snapshots are made, copied, and the oldest deleted, but for one that is locked', async () => {
  const { lab } = api
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', {
    AvailabilityZone: 'us-east-1a',
    SnapshotId: api.snapshotId,
    TagSpecifications: [
      {
        ResourceType: 'volume',
        Tags: [
          { Key: 'backup', Value: 'nightly' },
          { Key: 'team', Value: 'blue' },
        ],
      },
    ],
  })
  await until(
    async () => (await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })).Volumes?.[0]?.State === 'available',
  )
  const filter = [{ Name: 'tag:kiln:lifecycle-policy', Values: ['nightly'] }]
  const here = async () => (await lab.call('DescribeSnapshots', { Filters: filter })).Snapshots ?? []
  const abroad = openOtherAccount(api, (await here())[0]?.OwnerId ?? '123456789012', 'eu-west-1')
  const there = async () => (await abroad.send(new sdk.DescribeSnapshotsCommand({ Filters: filter }))).Snapshots ?? []

  const tried = await lab.kiln('lifecycle', 'run', 'nightly', '--dry-run')
  expect(tried.stdout).toMatch(new RegExp(`^create +${volumeId} +us-east-1 `, 'm'))
  expect(await here()).toEqual([])
  expect(await run('nightly')).toMatchObject([
    { Action: 'create', ResourceId: volumeId, MadeId: expect.stringMatching(/^snap-/) },
    { Action: 'copy', Region: 'eu-west-1', MadeId: expect.stringMatching(/^snap-/) },
  ])
  const [first] = await here()
  expect(first).toMatchObject({ VolumeId: volumeId, Description: 'Created by the lifecycle policy nightly' })
  expect(first?.Tags).toEqual(
    expect.arrayContaining([
      { Key: 'team', Value: 'blue' },
      { Key: 'by', Value: 'lifecycle' },
      { Key: 'kiln:lifecycle-source', Value: volumeId },
    ]),
  )
  await run('nightly')
  const before = await there()
  const firstId = first?.SnapshotId ?? ''
  await lab.call('LockSnapshot', { SnapshotId: firstId, LockMode: 'governance', LockDuration: 1 })
  const steps = await run('nightly')
  expect(steps.slice(2)).toMatchObject([
    { Action: 'keep', ResourceId: firstId, Reason: expect.stringContaining('it is locked') },
    { Action: 'delete', Region: 'eu-west-1' },
  ])
  expect(await here()).toHaveLength(3)
  expect(await there()).toHaveLength(2)
  expect((await there()).map(({ SnapshotId: id }) => id)).not.toContain(before[0]?.SnapshotId)
  await lab.call('UnlockSnapshot', { SnapshotId: firstId })
  await run('nightly')
  expect(await here()).toHaveLength(2)

  const { Runs: runs } = await lab.call('KilnDescribeLifecycleRuns', { Name: 'nightly' })
  expect(runs.map(({ IsDryRun }) => IsDryRun)).toEqual([false, false, false, false, true])
  const { Entries: audited } = await lab.call('KilnDescribeAuditLog', { Operation: 'DeleteSnapshot' })
  expect(audited.filter(({ Source }) => Source === 'schedule').map(({ Region }) => Region)).toContain('eu-west-1')
})

test('a clean-up deregisters what is old, and leaves what is in use or protected unless it is asked to', async () => {
  const { lab } = api
  const copy = async (name: string) => {
    const { ImageId: id = '' } = await lab.call('CopyImage', {
      Name: name,
      SourceImageId: api.imageId,
      SourceRegion: 'us-east-1',
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'stage', Value: 'test' }] }],
    })
    return id
  }
  const old = await copy('old')
  const used = await copy('used')
  const guarded = await copy('guarded')
  const fresh = await copy('fresh')
  changeRecords(api, ({ images }) => {
    for (const id of [old, used, guarded]) {
      const image = images.find(id)
      if (image) images.replace({ ...image, creationDate: '2020-01-01T00:00:00.000Z' })
    }
  })
  const template = { LaunchTemplateName: 'uses', LaunchTemplateData: { ImageId: used } }
  await lab.call('CreateLaunchTemplate', template)
  await lab.call('EnableImageDeregistrationProtection', { ImageId: guarded })
  const cleanUp = (more: string) => `cleanUp: { tags: { stage: test }, olderThan: 30d, notLaunchedFor: 14d${more} }\n`
  await write('tidy', cleanUp(''))
  const planned = await run('tidy', true)
  expect(planned).toMatchObject([
    { Action: 'delete', ResourceId: old, Reason: 'it was never launched and is from 2020-01-01' },
    { Action: 'keep', ResourceId: used, Reason: expect.stringMatching(/lt-\w+ uses it$/) },
    { Action: 'keep', ResourceId: guarded, Reason: expect.stringContaining('protected') },
  ])
  expect(await run('tidy')).toEqual(planned)
  const left = async () =>
    ((await lab.call('DescribeImages', { Filters: [{ Name: 'tag:stage', Values: ['test'] }] })).Images ?? []).map(
      ({ ImageId: id }) => id,
    )
  expect(await left()).toEqual([used, guarded, fresh])
  await write('tidy', cleanUp(', alsoInUse: true, alsoProtected: true'))
  await run('tidy')
  expect(await left()).toEqual([fresh])
})
