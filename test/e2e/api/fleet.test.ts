import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  // Room for three machines of two processors, whatever the host.
  api = await openApiLab(`capacity:\n  vCpuOvercommit: ${6.001 / availableParallelism()}\n`)
  await api.lab.call('CreateLaunchTemplate', {
    LaunchTemplateName: 'fleet',
    LaunchTemplateData: { ImageId: api.imageId, InstanceType: 't3.nano' },
  })
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const template = { LaunchTemplateName: 'fleet', Version: '$Latest' }

function instant(total: number, overrides: object[] = [], more: object = {}) {
  return {
    Type: 'instant' as const,
    LaunchTemplateConfigs: [{ LaunchTemplateSpecification: template, Overrides: overrides }],
    TargetCapacitySpecification: { TotalTargetCapacity: total, DefaultTargetCapacityType: 'on-demand' as const },
    ...more,
  }
}

async function endFleet(fleetId: string, ids: string[]): Promise<void> {
  await api.lab.call('DeleteFleets', { FleetIds: [fleetId], TerminateInstances: true })
  for (const id of ids) await waitForState(api, id, 'terminated')
}

describe('an instant fleet', () => {
  test('is launched at once, on demand and spot, and deleted with its instances', async () => {
    const made = await api.lab.call('CreateFleet', {
      ...instant(2, [{ InstanceType: 't3.micro', AvailabilityZone: 'us-east-1b' }]),
      TargetCapacitySpecification: {
        TotalTargetCapacity: 2,
        OnDemandTargetCapacity: 1,
        DefaultTargetCapacityType: 'spot',
      },
      TagSpecifications: [
        { ResourceType: 'fleet', Tags: [{ Key: 'team', Value: 'web' }] },
        { ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'worker' }] },
      ],
    })
    const fleetId = made.FleetId ?? ''
    expect(fleetId).toMatch(/^fleet-[0-9a-f-]{36}$/)
    expect(made.Errors).toEqual([])
    expect(made.Instances?.map((item) => [item.Lifecycle, item.InstanceType, item.InstanceIds?.length])).toEqual([
      ['on-demand', 't3.micro', 1],
      ['spot', 't3.micro', 1],
    ])
    const ids = made.Instances?.flatMap(({ InstanceIds }) => InstanceIds ?? []) ?? []
    const { Reservations: found } = await api.lab.call('DescribeInstances', {
      Filters: [
        { Name: 'tag:aws:ec2:fleet-id', Values: [fleetId] },
        { Name: 'tag:Name', Values: ['worker'] },
        { Name: 'availability-zone', Values: ['us-east-1b'] },
      ],
    })
    expect(found?.flatMap(({ Instances }) => Instances?.map(({ InstanceId }) => InstanceId))).toEqual(ids)
    expect((await api.lab.call('DescribeFleets', {})).Fleets).toEqual([])
    const { Fleets: fleets } = await api.lab.call('DescribeFleets', { FleetIds: [fleetId] })
    expect(fleets?.[0]).toMatchObject({
      FleetState: 'active',
      ActivityStatus: 'fulfilled',
      Type: 'instant',
      FulfilledCapacity: 2,
      FulfilledOnDemandCapacity: 1,
      Tags: [{ Key: 'team', Value: 'web' }],
    })
    const active = await api.lab.call('DescribeFleetInstances', { FleetId: fleetId })
    expect(active.ActiveInstances?.map(({ InstanceId }) => InstanceId).sort()).toEqual(ids.toSorted())

    const kept = await api.lab.call('DeleteFleets', { FleetIds: [fleetId, 'fleet-1'], TerminateInstances: false })
    expect(kept.UnsuccessfulFleetDeletions?.map(({ Error: error }) => error?.Code)).toEqual([
      'fleetNotInDeletableState',
      'fleetIdMalformed',
    ])
    await endFleet(fleetId, ids)
    const { Fleets: deleted } = await api.lab.call('DescribeFleets', { FleetIds: [fleetId] })
    expect(deleted?.[0]?.FleetState).toBe('deleted')
  })

  test('launches what fits and tells what does not', async () => {
    const made = await api.lab.call(
      'CreateFleet',
      instant(4, [{ InstanceType: 't4g.nano' }, { InstanceType: 't3.nano' }]),
    )
    expect(made.Instances?.map(({ InstanceIds }) => InstanceIds?.length)).toEqual([3])
    expect(made.Errors?.map(({ ErrorCode }) => ErrorCode)).toEqual(['Unsupported', 'InsufficientInstanceCapacity'])
    await endFleet(made.FleetId ?? '', made.Instances?.[0]?.InstanceIds ?? [])

    const none = await api.lab.call(
      'CreateFleet',
      instant(4, [], { OnDemandOptions: { SingleInstanceType: true, MinTargetCapacity: 4 } }),
    )
    expect([none.Instances, none.Errors?.[0]?.ErrorCode]).toEqual([[], 'InsufficientInstanceCapacity'])
  })

  test('chooses by priority, weight and requirements', async () => {
    const weighted = await api.lab.call(
      'CreateFleet',
      instant(
        4,
        [
          { InstanceType: 't3.nano', Priority: 2 },
          { InstanceType: 't3.micro', Priority: 1, WeightedCapacity: 4 },
        ],
        { OnDemandOptions: { AllocationStrategy: 'prioritized' } },
      ),
    )
    expect(weighted.Instances?.map((item) => [item.InstanceType, item.InstanceIds?.length])).toEqual([['t3.micro', 1]])
    await endFleet(weighted.FleetId ?? '', weighted.Instances?.[0]?.InstanceIds ?? [])
    const InstanceRequirements = {
      VCpuCount: { Min: 2, Max: 2 },
      MemoryMiB: { Min: 1024, Max: 2048 },
      BurstablePerformance: 'required' as const,
      CpuManufacturers: ['intel' as const],
    }
    const required = await api.lab.call('CreateFleet', instant(1, [{ InstanceRequirements }]))
    expect(required.Instances?.map(({ InstanceType }) => InstanceType)).toEqual(['t3.micro'])
    await endFleet(required.FleetId ?? '', required.Instances?.[0]?.InstanceIds ?? [])
  })

  test('is refused where it cannot be what is asked for', async () => {
    const refused: [string, object, string][] = [
      ['CreateFleet', { ...instant(1), Type: 'maintain' }, 'UnsupportedOperation'],
      ['CreateFleet', instant(0), 'InvalidParameterValue'],
      ['CreateFleet', instant(1, [], { OnDemandOptions: { MinTargetCapacity: 1 } }), 'InvalidParameterCombination'],
      ['CreateFleet', instant(1, [], { Context: 'x' }), 'UnsupportedOperation'],
      ['DescribeFleets', { FleetIds: ['fleet-xyz'] }, 'InvalidFleetId.Malformed'],
      ['DescribeFleetInstances', { FleetId: 'fleet-01234567-89ab-cdef-0123-456789abcdef' }, 'InvalidFleetId.NotFound'],
    ]
    for (const [operation, input, code] of refused) {
      expect([JSON.stringify(input), await refusalOfSdk(api, operation, input)]).toEqual([
        JSON.stringify(input),
        { code, message: expect.stringMatching(/./) },
      ])
    }
  })
})

describe('instance types', () => {
  test('are chosen by requirements, burstable ones only when asked for', async () => {
    const ask = async (more: object, architecture: 'x86_64' | 'arm64' = 'x86_64') => {
      const { InstanceTypes: types } = await api.lab.call('GetInstanceTypesFromInstanceRequirements', {
        ArchitectureTypes: [architecture],
        VirtualizationTypes: ['hvm'],
        InstanceRequirements: { VCpuCount: { Min: 2, Max: 2 }, MemoryMiB: { Min: 4096, Max: 8192 }, ...more },
      })
      return types?.map(({ InstanceType }) => InstanceType)
    }
    expect(await ask({ InstanceGenerations: ['current'], AllowedInstanceTypes: ['m*', 'c5*'] })).toEqual([
      'c5.large',
      'm5.large',
      'm6i.large',
    ])
    expect(await ask({ BurstablePerformance: 'required', CpuManufacturers: ['amd'] })).toEqual([
      't3a.large',
      't3a.medium',
    ])
    expect(await ask({ MemoryGiBPerVCpu: { Min: 4 } }, 'arm64')).toEqual(['m7g.large'])
    expect(await ask({ AcceleratorCount: { Min: 1 } })).toEqual([])
    const unknown = {
      ArchitectureTypes: ['x86_64'],
      VirtualizationTypes: ['hvm'],
      InstanceRequirements: { VCpuCount: { Min: 1 }, MemoryMiB: { Min: 1 }, NetworkBandwidthGbps: { Min: 5 } },
    }
    expect(await refusalOfSdk(api, 'GetInstanceTypesFromInstanceRequirements', unknown)).toMatchObject({
      code: 'UnsupportedOperation',
      message: expect.stringContaining('InstanceRequirements.NetworkBandwidthGbps'),
    })
  })

  test('are told whole, and found by each part of what is told', async () => {
    const { InstanceTypes: types } = await api.lab.call('DescribeInstanceTypes', {
      Filters: [
        { Name: 'vcpu-info.valid-cores', Values: ['8'] },
        { Name: 'processor-info.sustained-clock-speed-in-ghz', Values: ['3.1'] },
        { Name: 'network-info.network-performance', Values: ['Up to 10*'] },
        { Name: 'supported-usage-class', Values: ['spot'] },
        { Name: 'hypervisor', Values: ['nitro'] },
        { Name: 'current-generation', Values: ['true'] },
      ],
    })
    expect(types?.map(({ InstanceType }) => InstanceType)).toEqual(['m5.4xlarge'])
    expect(types?.[0]).toMatchObject({
      VCpuInfo: { DefaultVCpus: 16, DefaultCores: 8, ValidThreadsPerCore: [1, 2] },
      ProcessorInfo: { Manufacturer: 'Intel' },
      EbsInfo: { EbsOptimizedSupport: 'default' },
      NetworkInfo: { MaximumNetworkInterfaces: 8, NetworkCards: [{ NetworkCardIndex: 0 }] },
    })
    const { InstanceTypeOfferings: none } = await api.lab.call('DescribeInstanceTypeOfferings', {
      LocationType: 'outpost',
    })
    expect(none).toEqual([])
    const optimized = { ImageId: api.imageId, InstanceType: 't2.nano', MinCount: 1, MaxCount: 1, EbsOptimized: true }
    expect(await refusalOfSdk(api, 'RunInstances', optimized)).toMatchObject({ code: 'InvalidParameterCombination' })
  })
})
