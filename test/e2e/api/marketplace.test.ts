import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDockerRegistry } from '../../integration/oci/docker-registry.ts'
import { makeIdleDisk } from '../idle-disk.ts'
import { until } from '../lab.ts'
import { type ApiLab, describeInstance, openApiLab, waitForState } from './api-lab.ts'
import { codeOf, openOtherAccount } from './other-account.ts'

const publisherId = '210987654321'
const code = 'acme1acme2acme3acme4acme5'
const toolCode = 'tool1tool2tool3tool4tool5'
const ownCode = 'host1host2host3host4host5'

const disk = makeIdleDisk()

let api: ApiLab
let server: Server
let licence = 'Do no evil.'
let extra = ''

beforeAll(async () => {
  server = createServer((request, response) => {
    response.end(request.url === '/disk.raw' ? disk : catalogue())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  api = await openApiLab(`marketplace:\n  url: ${address()}/marketplace.yaml\n`)
})
afterAll(async () => {
  server.close()
  expect(await api.lab.close()).toEqual([])
})

function address(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function catalogue(): string {
  const sha256 = createHash('sha256').update(disk).digest('hex')
  return `publishers:
  acme: { name: Acme Software, account: '${publisherId}' }
products:
  acme-database:
    publisher: acme
    productCode: ${code}
    title: Acme Database
    version: '12.3'
    licence: ${licence}
    source: { url: '${address()}/disk.raw', checksum: 'sha256:${sha256}' }
${extra}`
}

const launch = (imageId: string) => ({ ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 }) as const
const codesOf = (codes: readonly string[]) => codes.map((id) => ({ ProductCodeId: id, ProductCodeType: 'marketplace' }))

async function describeProduct() {
  return (await api.lab.call('KilnDescribeProduct', { Product: 'acme-database' })).Product
}

async function imagesOf(input: sdk.DescribeImagesRequest): Promise<(string | undefined)[]> {
  return ((await api.lab.call('DescribeImages', input)).Images ?? []).map(({ ImageId: id }) => id)
}

let imageId = ''

test('a catalogue with a mistake is refused with its place, and the present one stays', async () => {
  expect((await api.lab.call('KilnUpdateMarketplace', {})).Products).toHaveLength(1)
  extra = '  broken:\n    publishr: nobody\n'
  const refusal = await api.lab.call('KilnUpdateMarketplace', {}).catch((error: Error) => error.message)
  expect(refusal).toContain(
    'marketplace.yaml:12:5: products.broken.publishr: there is no such key; did you mean publisher?',
  )
  extra = ''
  expect((await api.lab.call('KilnDescribeProducts', {})).Products).toMatchObject([
    { Name: 'acme-database', Publisher: { Name: 'Acme Software', AccountId: publisherId } },
  ])
})

test('subscribing accepts the licence that was read, and gets the image once for all accounts', async () => {
  const product = await describeProduct()
  expect(product.Licence).toBe('Do no evil.')
  const wrong = api.lab.call('KilnSubscribe', { Product: 'acme-database', LicenceSha256: 'of another text' })
  expect(await codeOf(wrong)).toBe('InvalidParameterValue')
  const asked = await api.lab.kiln('marketplace', 'subscribe', 'acme-database')
  expect([asked.exitCode, asked.stderr]).toEqual([2, expect.stringContaining('--accept-licence')])
  const subscribed = await api.lab.kiln('marketplace', 'subscribe', 'acme-database', '--accept-licence')
  imageId = subscribed.stdout.trim()
  expect(imageId).toMatch(/^ami-/)
  expect(await describeProduct()).toMatchObject({ ImageId: imageId, Subscription: { IsCurrent: true } })
  const { stdout } = await api.lab.kiln('image', 'ls', '--marketplace')
  expect(stdout).toMatch(/^acme-database-12\.3 +ami-\w+ +available +marketplace /m)
  await api.lab.call('KilnUnsubscribe', { Product: 'acme-database' })
})

test('tools find the image by the alias of its owner and by its product code', async () => {
  const [image] = (await api.lab.call('DescribeImages', { Owners: ['aws-marketplace'] })).Images ?? []
  expect(image).toMatchObject({
    ImageId: imageId,
    OwnerId: publisherId,
    ImageOwnerAlias: 'aws-marketplace',
    Public: true,
    ProductCodes: codesOf([code]),
  })
  expect(await imagesOf({ Filters: [{ Name: 'owner-alias', Values: ['aws-marketplace'] }] })).toEqual([imageId])
  expect(await imagesOf({ Filters: [{ Name: 'product-code', Values: [code] }] })).toEqual([imageId])
  expect(await imagesOf({ Filters: [{ Name: 'product-code.type', Values: ['marketplace'] }] })).toEqual([imageId])
  expect(await imagesOf({ Owners: ['amazon'] })).toEqual([])
})

test('whoever has not subscribed launches nothing of it, by whatever way', async () => {
  const dry = { ...launch(imageId), DryRun: true }
  expect(await codeOf(api.lab.call('RunInstances', dry))).toBe('OptInRequired')
  const specification = { ImageId: imageId, InstanceType: 't3.nano' } as const
  expect(await codeOf(api.lab.call('RequestSpotInstances', { LaunchSpecification: specification }))).toBe(
    'OptInRequired',
  )
  const template = { LaunchTemplateName: 'sold', LaunchTemplateData: specification }
  await api.lab.call('CreateLaunchTemplate', template)
  const byTemplate = { LaunchTemplate: { LaunchTemplateName: 'sold' }, MinCount: 1, MaxCount: 1 }
  expect(await codeOf(api.lab.call('RunInstances', byTemplate))).toBe('OptInRequired')
  const { Errors: errors, Instances: launched } = await api.lab.call('CreateFleet', {
    Type: 'instant',
    LaunchTemplateConfigs: [
      { LaunchTemplateSpecification: { LaunchTemplateName: 'sold', Version: '$Latest' }, Overrides: [] },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
  })
  expect([errors?.[0]?.ErrorCode, launched]).toEqual(['OptInRequired', []])
  // Its publisher does.
  const publisher = openOtherAccount(api, publisherId)
  expect(await codeOf(publisher.send(new sdk.RunInstancesCommand(dry)))).toBe('DryRunOperation')
  expect(await codeOf(publisher.send(new sdk.StopInstancesCommand({ InstanceIds: ['i-00000000'] })))).toBe(
    'InvalidInstanceID.NotFound',
  )
})

test('a product code follows an instance into its volumes, snapshots, images and their copies', async () => {
  const { lab } = api
  await lab.call('KilnSubscribe', { Product: code, LicenceSha256: (await describeProduct()).LicenceSha256 })
  const { Instances: launched } = await lab.call('RunInstances', launch(imageId))
  const instanceId = launched?.[0]?.InstanceId ?? ''
  expect(launched?.[0]?.ProductCodes).toEqual(codesOf([code]))
  await waitForState(api, instanceId, 'running')
  const found = await lab.call('DescribeInstances', { Filters: [{ Name: 'product-code', Values: [code] }] })
  expect(found.Reservations).toHaveLength(1)
  const volumeId = (await describeInstance(api, instanceId)).BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''
  const ofVolume = await lab.call('DescribeVolumeAttribute', { VolumeId: volumeId, Attribute: 'productCodes' })
  expect(ofVolume.ProductCodes).toEqual(codesOf([code]))

  const { ImageId: made = '' } = await lab.call('CreateImage', { InstanceId: instanceId, Name: 'made', NoReboot: true })
  await until(async () => (await imagesOf({ Filters: [{ Name: 'state', Values: ['available'] }] })).includes(made))
  const [image] = (await lab.call('DescribeImages', { ImageIds: [made] })).Images ?? []
  expect(image?.ProductCodes).toEqual(codesOf([code]))
  const snapshotId = image?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
  const ofSnapshot = { SnapshotId: snapshotId, Attribute: 'productCodes' } as const
  expect((await lab.call('DescribeSnapshotAttribute', ofSnapshot)).ProductCodes).toEqual(codesOf([code]))
  await lab.call('DisableSnapshotBlockPublicAccess', {})
  const publish = { SnapshotId: snapshotId, CreateVolumePermission: { Add: [{ Group: 'all' as const }] } }
  expect(await codeOf(lab.call('ModifySnapshotAttribute', publish))).toBe('OperationNotPermitted')

  const copy = { Name: 'copy', SourceRegion: 'us-east-1' }
  expect(await codeOf(lab.call('CopyImage', { ...copy, SourceImageId: imageId }))).toBe('InvalidRequest')
  const { ImageId: copyId = '' } = await lab.call('CopyImage', { ...copy, SourceImageId: made })
  const attribute = await lab.call('DescribeImageAttribute', { ImageId: copyId, Attribute: 'productCodes' })
  expect(attribute.ProductCodes).toEqual(codesOf([code]))

  const confirm = new sdk.ConfirmProductInstanceCommand({ InstanceId: instanceId, ProductCode: code })
  const ownerId = (await lab.call('DescribeImages', { ImageIds: [made] })).Images?.[0]?.OwnerId
  expect(await openOtherAccount(api, publisherId).send(confirm)).toMatchObject({ OwnerId: ownerId, Return: true })
  expect(await codeOf(lab.call('ConfirmProductInstance', { InstanceId: instanceId, ProductCode: code }))).toBe(
    'AuthFailure',
  )

  // Of a volume that is attached, the code becomes the instance's: only while it is stopped.
  const volume = { AvailabilityZone: 'us-east-1a', SnapshotId: snapshotId }
  const { VolumeId: dataId = '' } = await lab.call('CreateVolume', volume)
  const { Instances: others } = await lab.call('RunInstances', launch(api.imageId))
  const otherId = others?.[0]?.InstanceId ?? ''
  await waitForState(api, otherId, 'running')
  const attach = () => lab.call('AttachVolume', { InstanceId: otherId, VolumeId: dataId, Device: '/dev/sdf' })
  expect(await codeOf(attach())).toBe('IncorrectState')
  await lab.call('StopInstances', { InstanceIds: [otherId], Force: true })
  await waitForState(api, otherId, 'stopped')
  await attach()
  expect((await describeInstance(api, otherId)).ProductCodes).toEqual(codesOf([code]))
  await lab.call('TerminateInstances', { InstanceIds: [instanceId, otherId] })
  await Promise.all([instanceId, otherId].map((id) => waitForState(api, id, 'terminated')))

  // A licence that has changed is accepted anew, also for what was made meanwhile.
  licence = 'Pay more.'
  await lab.call('KilnUpdateMarketplace', {})
  expect(await codeOf(lab.call('RunInstances', { ...launch(copyId), DryRun: true }))).toBe('OptInRequired')
  const { LicenceSha256: digest } = await describeProduct()
  await lab.call('KilnSubscribe', { Product: 'acme-database', LicenceSha256: digest })
  expect(await codeOf(lab.call('RunInstances', { ...launch(copyId), DryRun: true }))).toBe('DryRunOperation')
  await lab.call('KilnUnsubscribe', { Product: 'acme-database' })
  expect(await codeOf(lab.call('RunInstances', { ...launch(copyId), DryRun: true }))).toBe('OptInRequired')
})

test('a product in a registry is pulled when its licence is accepted, and launched by subscribers only', async () => {
  const { lab } = api
  const registry = await startDockerRegistry()
  try {
    const name = `${registry.host}/acme/tool`
    const digest = (await lab.kiln('image', 'push', api.imageId, `${name}:1`)).stdout.trim()
    const entry = (reference: string) =>
      `  acme-tool: { publisher: acme, productCode: ${toolCode}, title: Acme Tool, version: '1', licence: Pay., source: { reference: '${reference}' } }\n`
    extra = entry(`${name}:1`)
    const refusal = await lab.call('KilnUpdateMarketplace', {}).catch((error: Error) => error.message)
    expect(refusal).toContain('products.acme-tool.source.reference: a catalogue of the network names an image by its')
    extra = entry(`${name}@${digest}`)
    await lab.call('KilnUpdateMarketplace', {})
    expect(await imagesOf({ Filters: [{ Name: 'product-code', Values: [toolCode] }] })).toEqual([])
    const { stdout } = await lab.kiln('marketplace', 'subscribe', 'acme-tool', '--accept-licence')
    const toolId = stdout.trim()
    expect((await lab.call('DescribeImages', { ImageIds: [toolId] })).Images).toMatchObject([
      { Name: 'acme-tool-1', OwnerId: publisherId, Public: true, ProductCodes: codesOf([toolCode]) },
    ])
    const dry = { ...launch(toolId), DryRun: true }
    expect(await codeOf(lab.call('RunInstances', dry))).toBe('DryRunOperation')
    await lab.call('KilnUnsubscribe', { Product: 'acme-tool' })
    expect(await codeOf(lab.call('RunInstances', dry))).toBe('OptInRequired')
  } finally {
    extra = ''
    await lab.call('KilnUpdateMarketplace', {})
    await registry.close()
  }
})

test('the host offers an image of an account by a file of its own', async () => {
  const { lab } = api
  const { OwnerId: ownId = '' } = (await lab.call('DescribeImages', { ImageIds: [api.imageId] })).Images?.[0] ?? {}
  await writeFile(
    join(lab.home, 'marketplace.yaml'),
    `publishers:
  host: { name: The host, account: '${ownId}' }
products:
  tool:
    { publisher: host, productCode: ${ownCode}, title: A tool, version: '1', licence: Free.,
      source: { image: ${api.imageId} } }
`,
  )
  await lab.killDaemon()
  await lab.startDaemon()
  const { EndpointUrl: endpointUrl } = await lab.call('KilnGetEnvironment', {})
  const publisher = openOtherAccount({ ...api, endpointUrl }, publisherId)
  // What was downloaded is still there, and the image has its code from now on.
  expect((await lab.call('KilnDescribeProducts', {})).Products.map(({ Name }) => Name)).toEqual([
    'tool',
    'acme-database',
  ])
  expect((await lab.call('DescribeImages', { ImageIds: [api.imageId] })).Images).toMatchObject([
    { ImageOwnerAlias: 'aws-marketplace', ProductCodes: codesOf([ownCode]) },
  ])
  const modify = (codes: string[]) => ({ ImageId: api.imageId, ProductCodes: codes })
  expect(await codeOf(lab.call('ModifyImageAttribute', modify([code])))).toBe('InvalidAMIAttributeItemValue')
  expect(await codeOf(lab.call('ModifyImageAttribute', modify([ownCode])))).toBe('done')
  expect(await codeOf(publisher.send(new sdk.RunInstancesCommand(launch(api.imageId))))).toBe('InvalidAMIID.NotFound')
})
