import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const small = () => ({ ImageId: api.imageId, InstanceType: 't3.nano' as const })

async function launchSpot(more: object = {}) {
  const { Instances: launched } = await api.lab.call('RunInstances', {
    ...small(),
    MinCount: 1,
    MaxCount: 1,
    InstanceMarketOptions: { MarketType: 'spot' },
    ...more,
  })
  const { InstanceId: id = '', SpotInstanceRequestId: requestId = '' } = launched?.[0] ?? {}
  await waitForState(api, id, 'running')
  return { id, requestId }
}

async function requestOf(requestId: string) {
  const { SpotInstanceRequests: found } = await api.lab.call('DescribeSpotInstanceRequests', {
    SpotInstanceRequestIds: [requestId],
  })
  return found?.[0]
}

async function terminate(id: string): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: [id] })
  await waitForState(api, id, 'terminated')
}

describe('a spot instance', () => {
  test('is launched at once by RunInstances, and its request closes with it', async () => {
    const { id, requestId } = await launchSpot({
      InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { MaxPrice: '0.05' } },
      TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [{ Key: 'team', Value: 'web' }] }],
    })
    expect(requestId).toMatch(/^sir-[0-9a-f]{8}$/)
    const { Reservations: found } = await api.lab.call('DescribeInstances', {
      Filters: [{ Name: 'instance-lifecycle', Values: ['spot'] }],
    })
    expect(found?.[0]?.Instances?.[0]).toMatchObject({ InstanceId: id, InstanceLifecycle: 'spot' })
    expect(await requestOf(requestId)).toMatchObject({
      InstanceId: id,
      State: 'active',
      Status: { Code: 'fulfilled' },
      SpotPrice: '0.05',
      Type: 'one-time',
      Tags: [{ Key: 'team', Value: 'web' }],
      LaunchSpecification: { ImageId: api.imageId, InstanceType: 't3.nano' },
    })
    expect(await refusalOfSdk(api, 'StopInstances', { InstanceIds: [id] })).toMatchObject({
      code: 'UnsupportedOperation',
      message: expect.stringContaining('one-time Spot Instance request'),
    })
    await terminate(id)
    expect(await requestOf(requestId)).toMatchObject({
      State: 'closed',
      Status: { Code: 'instance-terminated-by-user' },
    })
  })

  test('can be asked for by RequestSpotInstances, and outlives the cancelling of its request', async () => {
    const { SpotInstanceRequests: requests } = await api.lab.call('RequestSpotInstances', {
      InstanceCount: 2,
      LaunchSpecification: { ...small(), Placement: { AvailabilityZone: 'us-east-1b' } },
      TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [{ Key: 'job', Value: 'batch' }] }],
    })
    const [first, second] = requests ?? []
    expect([first?.LaunchedAvailabilityZone, first?.State, second?.State]).toEqual(['us-east-1b', 'active', 'active'])
    const { SpotInstanceRequests: tagged } = await api.lab.call('DescribeSpotInstanceRequests', {
      Filters: [
        { Name: 'tag:job', Values: ['batch'] },
        { Name: 'launch.instance-type', Values: ['t3.*'] },
        { Name: 'state', Values: ['active'] },
      ],
    })
    expect(tagged).toHaveLength(2)
    const requestId = first?.SpotInstanceRequestId ?? ''
    const cancelled = await api.lab.call('CancelSpotInstanceRequests', { SpotInstanceRequestIds: [requestId] })
    expect(cancelled.CancelledSpotInstanceRequests).toEqual([{ SpotInstanceRequestId: requestId, State: 'cancelled' }])
    await waitForState(api, first?.InstanceId ?? '', 'running')
    expect(await requestOf(requestId)).toMatchObject({
      State: 'cancelled',
      Status: { Code: 'request-canceled-and-instance-running' },
    })
    await terminate(first?.InstanceId ?? '')
    await terminate(second?.InstanceId ?? '')
  })

  test('is refused where it cannot be what is asked for', async () => {
    const spot = (SpotOptions: object) => ({
      ...small(),
      MinCount: 1,
      MaxCount: 1,
      InstanceMarketOptions: { MarketType: 'spot', SpotOptions },
    })
    const request = (more: object) => ({ LaunchSpecification: small(), ...more })
    const refused: [string, object, string][] = [
      ['RunInstances', spot({ SpotInstanceType: 'persistent' }), 'UnsupportedOperation'],
      ['RunInstances', spot({ InstanceInterruptionBehavior: 'stop' }), 'InvalidParameterCombination'],
      ['RunInstances', spot({ MaxPrice: 'cheap' }), 'InvalidParameterValue'],
      ['RunInstances', spot({ BlockDurationMinutes: 60 }), 'UnsupportedOperation'],
      ['RunInstances', { ...spot({}), InstanceInitiatedShutdownBehavior: 'stop' }, 'InvalidParameterCombination'],
      ['RequestSpotInstances', {}, 'MissingParameter'],
      ['RequestSpotInstances', request({ InstanceCount: 0 }), 'InvalidParameterValue'],
      ['RequestSpotInstances', request({ LaunchGroup: 'one' }), 'UnsupportedOperation'],
      ['RequestSpotInstances', request({ ValidFrom: new Date('2090-01-01') }), 'UnsupportedOperation'],
      ['RequestSpotInstances', request({ ValidUntil: new Date('2020-01-01') }), 'InvalidParameterValue'],
      ['CancelSpotInstanceRequests', { SpotInstanceRequestIds: ['sir-x'] }, 'InvalidSpotInstanceRequestID.Malformed'],
      [
        'CancelSpotInstanceRequests',
        { SpotInstanceRequestIds: ['sir-01234567'] },
        'InvalidSpotInstanceRequestID.NotFound',
      ],
    ]
    for (const [operation, input, code] of refused) {
      expect([JSON.stringify(input), await refusalOfSdk(api, operation, input)]).toEqual([
        JSON.stringify(input),
        { code, message: expect.stringMatching(/./) },
      ])
    }
  })

  test('costs nothing', async () => {
    const { SpotPriceHistory: prices } = await api.lab.call('DescribeSpotPriceHistory', {
      InstanceTypes: ['t3.nano'],
      ProductDescriptions: ['Linux/UNIX'],
      AvailabilityZone: 'us-east-1c',
    })
    expect(prices).toEqual([
      {
        AvailabilityZone: 'us-east-1c',
        AvailabilityZoneId: 'use1-az3',
        InstanceType: 't3.nano',
        ProductDescription: 'Linux/UNIX',
        SpotPrice: '0.000000',
        Timestamp: expect.stringMatching(/T00:00:00/),
      },
    ])
  })

  test('is terminated when its notice is over, by a daemon that was started meanwhile too', async () => {
    const { id, requestId } = await launchSpot()
    const told = await api.lab.kiln('fault', 'spot-interruption', id, '--notice', '4')
    expect([told.exitCode, told.stdout]).toEqual([0, expect.stringContaining(`${id} is ended at`)])
    expect(await requestOf(requestId)).toMatchObject({ State: 'active', Status: { Code: 'marked-for-termination' } })
    await api.lab.killDaemon()
    await api.lab.startDaemon()
    await waitForState(api, id, 'terminated')
    expect(await requestOf(requestId)).toMatchObject({
      State: 'closed',
      Status: { Code: 'instance-terminated-no-capacity' },
    })
    const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [id] })
    expect(found?.[0]?.Instances?.[0]?.StateReason?.Code).toBe('Server.SpotInstanceTermination')
  })
})
