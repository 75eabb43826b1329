import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'
import { until } from '../lab.ts'

let api: ApiLab
let running: string
let stopped: string

beforeAll(async () => {
  api = await openApiLab()
  running = await launch()
  stopped = await launch({ InstanceType: 'm5.large' })
  await waitForState(api, running, 'running')
  await api.lab.call('StopInstances', { InstanceIds: [stopped], Force: true })
  await waitForState(api, stopped, 'stopped')
})
afterAll(async () => {
  await terminate(running)
  expect(await api.lab.close()).toEqual([])
})

async function launch(more: object = {}): Promise<string> {
  const one = { ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 }
  const { Instances: launched } = await api.lab.call('RunInstances', { ...one, ...more })
  return launched?.[0]?.InstanceId ?? ''
}

async function describeOne(instanceId: string) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [instanceId] })
  return found?.[0]?.Instances?.[0]
}

async function find(name: string, value: string) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', {
    Filters: [{ Name: name, Values: [value] }],
  })
  return (found ?? []).flatMap(({ Instances }) => (Instances ?? []).map(({ InstanceId }) => InstanceId))
}

async function terminate(id: string): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: [id] })
  await waitForState(api, id, 'terminated')
}

describe('metadata options', () => {
  test('of a running instance are pending until the firewall has them, of a stopped one applied', async () => {
    const change = {
      HttpTokens: 'required' as const,
      HttpPutResponseHopLimit: 3,
      InstanceMetadataTags: 'enabled' as const,
    }
    const told = { HttpTokens: 'required', HttpPutResponseHopLimit: 3, InstanceMetadataTags: 'enabled' }
    const answer = await api.lab.call('ModifyInstanceMetadataOptions', { InstanceId: running, ...change })
    expect(answer.InstanceMetadataOptions).toMatchObject({ State: 'pending', HttpEndpoint: 'enabled', ...told })
    await until(async () => (await describeOne(running))?.MetadataOptions?.State === 'applied')
    expect((await describeOne(running))?.MetadataOptions).toMatchObject(told)
    expect(await find('metadata-options.state', 'applied')).toContain(running)
    expect(await api.lab.call('ModifyInstanceMetadataOptions', { InstanceId: stopped, ...change })).toMatchObject({
      InstanceMetadataOptions: { State: 'applied', ...told },
    })
    expect(await refusalOfSdk(api, 'ModifyInstanceMetadataOptions', { InstanceId: running })).toMatchObject({
      code: 'InvalidParameterCombination',
    })
  })

  test('that serve tags leave no room for keys that are no part of a path', async () => {
    const bad = { Key: 'k8s.io/role', Value: 'web' }
    const refused = {
      code: 'InvalidParameterValue',
      message: expect.stringContaining("'k8s.io/role' is not a valid tag key"),
    }
    const serve = (InstanceMetadataTags: 'enabled' | 'disabled') => ({ InstanceId: running, InstanceMetadataTags })
    await api.lab.call('ModifyInstanceMetadataOptions', serve('enabled'))
    expect(await refusalOfSdk(api, 'CreateTags', { Resources: [running], Tags: [bad] })).toEqual(refused)
    const launched = {
      ...{ ImageId: api.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 },
      MetadataOptions: { InstanceMetadataTags: 'enabled' },
      TagSpecifications: [{ ResourceType: 'instance', Tags: [bad] }],
    }
    expect(await refusalOfSdk(api, 'RunInstances', launched)).toEqual(refused)
    await api.lab.call('ModifyInstanceMetadataOptions', serve('disabled'))
    await api.lab.call('CreateTags', { Resources: [running], Tags: [bad] })
    expect(await refusalOfSdk(api, 'ModifyInstanceMetadataOptions', serve('enabled'))).toEqual(refused)
    await api.lab.call('DeleteTags', { Resources: [running], Tags: [{ Key: bad.Key }] })
  })

  test('of a launch are those that the account prefers, unless the launch says otherwise', async () => {
    expect((await api.lab.call('GetInstanceMetadataDefaults', {})).AccountLevel).toEqual({ ManagedBy: 'account' })
    await api.lab.call('ModifyInstanceMetadataDefaults', {
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 5,
      InstanceMetadataTags: 'enabled',
    })
    const id = await launch({ MetadataOptions: { HttpPutResponseHopLimit: 7 } })
    expect((await describeOne(id))?.MetadataOptions).toMatchObject({
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 7,
      InstanceMetadataTags: 'enabled',
    })
    await terminate(id)
    expect(await refusalOfSdk(api, 'ModifyInstanceMetadataDefaults', { HttpPutResponseHopLimit: 65 })).toMatchObject({
      code: 'InvalidParameterValue',
    })
    await api.lab.call('ModifyInstanceMetadataDefaults', {
      HttpTokens: 'no-preference',
      HttpPutResponseHopLimit: -1,
      InstanceMetadataTags: 'no-preference',
    })
    expect((await api.lab.call('GetInstanceMetadataDefaults', {})).AccountLevel).toEqual({ ManagedBy: 'account' })
  })

  test('without tokens are refused where the account enforces tokens', async () => {
    await api.lab.call('ModifyInstanceMetadataDefaults', { HttpTokensEnforced: 'enabled' })
    const withoutTokens = { ImageId: api.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 }
    const enforced = {
      code: 'UnsupportedOperation',
      message: expect.stringContaining('httpTokensEnforced is enabled for this account') as string,
    }
    expect(await refusalOfSdk(api, 'RunInstances', withoutTokens)).toEqual(enforced)
    const optional = { InstanceId: running, HttpTokens: 'optional' }
    expect(await refusalOfSdk(api, 'ModifyInstanceMetadataOptions', optional)).toEqual(enforced)
    await api.lab.call('ModifyInstanceMetadataDefaults', { HttpTokensEnforced: 'disabled' })
    expect(await refusalOfSdk(api, 'ModifyInstanceMetadataOptions', optional)).toBeUndefined()
  })
})

test('maintenance options and monitoring are kept and told', async () => {
  expect(
    await api.lab.call('ModifyInstanceMaintenanceOptions', { InstanceId: running, AutoRecovery: 'disabled' }),
  ).toEqual({ InstanceId: running, AutoRecovery: 'disabled', RebootMigration: 'default' })
  expect(await api.lab.call('MonitorInstances', { InstanceIds: [running, stopped] })).toEqual({
    InstanceMonitorings: [running, stopped].map((InstanceId) => ({ InstanceId, Monitoring: { State: 'pending' } })),
  })
  expect(await describeOne(running)).toMatchObject({
    MaintenanceOptions: { AutoRecovery: 'disabled', RebootMigration: 'default' },
    Monitoring: { State: 'enabled' },
  })
  expect(await api.lab.call('UnmonitorInstances', { InstanceIds: [running] })).toEqual({
    InstanceMonitorings: [{ InstanceId: running, Monitoring: { State: 'disabling' } }],
  })
  expect(await find('monitoring-state', 'enabled')).toEqual([stopped])
})

test('credits are changed for those that have any, and chosen for launches by their family', async () => {
  const specification = (InstanceId: string) => ({ InstanceId, CpuCredits: 'standard' })
  const answer = await api.lab.call('ModifyInstanceCreditSpecification', {
    InstanceCreditSpecifications: [running, stopped, 'i-0123456789abcdef0', 'web'].map(specification),
  })
  expect(answer.SuccessfulInstanceCreditSpecifications).toEqual([{ InstanceId: running }])
  expect(answer.UnsuccessfulInstanceCreditSpecifications?.map(({ Error: error }) => error?.Code)).toEqual([
    'InstanceCreditSpecification.NotSupported',
    'InvalidInstanceID.NotFound',
    'InvalidInstanceID.Malformed',
  ])
  const family = { InstanceFamily: 't3' as const }
  const unlimited = { InstanceFamilyCreditSpecification: { InstanceFamily: 't3', CpuCredits: 'unlimited' } }
  expect(await api.lab.call('GetDefaultCreditSpecification', family)).toEqual(unlimited)
  await api.lab.call('ModifyDefaultCreditSpecification', { ...family, CpuCredits: 'standard' })
  const id = await launch()
  await api.lab.call('ModifyDefaultCreditSpecification', { ...family, CpuCredits: 'unlimited' })
  const told = await api.lab.call('DescribeInstanceCreditSpecifications', { InstanceIds: [running, id] })
  expect(told.InstanceCreditSpecifications).toEqual([running, id].map(specification))
  await terminate(id)
})

test('serial console access is a setting of the account', async () => {
  expect(await api.lab.call('GetSerialConsoleAccessStatus', {})).toEqual({
    SerialConsoleAccessEnabled: false,
    ManagedBy: 'account',
  })
  await api.lab.call('EnableSerialConsoleAccess', {})
  expect(await api.lab.call('GetSerialConsoleAccessStatus', {})).toMatchObject({ SerialConsoleAccessEnabled: true })
  await api.lab.call('DisableSerialConsoleAccess', {})
  expect(await api.lab.call('GetSerialConsoleAccessStatus', {})).toMatchObject({ SerialConsoleAccessEnabled: false })
})

test('a report is an event, an interrupt needs a machine, a password is empty, the topology is one host', async () => {
  await api.lab.call('ReportInstanceStatus', {
    Instances: [running],
    Status: 'impaired',
    ReasonCodes: ['unresponsive'],
  })
  const { Events: events } = await api.lab.call('KilnDescribeEvents', {})
  expect(events.find(({ Kind }) => Kind === 'instance-report')).toMatchObject({
    ResourceId: running,
    Message: `${running} was reported impaired: unresponsive`,
  })
  await api.lab.call('SendDiagnosticInterrupt', { InstanceId: running })
  expect(await refusalOfSdk(api, 'SendDiagnosticInterrupt', { InstanceId: stopped })).toMatchObject({
    code: 'IncorrectInstanceState',
  })
  expect(await api.lab.call('GetPasswordData', { InstanceId: running })).toMatchObject({
    InstanceId: running,
    PasswordData: '',
  })
  const other = await launch({ Placement: { AvailabilityZone: 'us-east-1b' } })
  const { Instances: placed } = await api.lab.call('DescribeInstanceTopology', {})
  expect(placed?.map(({ InstanceId, ZoneId }) => [InstanceId, ZoneId])).toEqual([
    [running, 'use1-az1'],
    [other, 'use1-az2'],
  ])
  expect(placed?.[1]?.NetworkNodes).toEqual(placed?.[0]?.NetworkNodes)
  await terminate(other)
})

test('only what EC2 resets is reset', async () => {
  await api.lab.call('ModifyInstanceAttribute', { InstanceId: running, SourceDestCheck: { Value: false } })
  await api.lab.call('ResetInstanceAttribute', { InstanceId: running, Attribute: 'sourceDestCheck' })
  expect((await describeOne(running))?.SourceDestCheck).toBe(true)
  await api.lab.call('ResetInstanceAttribute', { InstanceId: stopped, Attribute: 'kernel' })
  const reset = (Attribute: string) => refusalOfSdk(api, 'ResetInstanceAttribute', { InstanceId: running, Attribute })
  expect(await reset('kernel')).toMatchObject({ code: 'IncorrectInstanceState' })
  expect(await reset('userData')).toMatchObject({ code: 'InvalidParameterValue' })
})

test('protection from being stopped is protection from being terminated too, and one of several is enough', async () => {
  await api.lab.call('ModifyInstanceAttribute', { InstanceId: running, DisableApiStop: { Value: true } })
  const both = { InstanceIds: [stopped, running] }
  const refused = (deed: string) => ({
    code: 'OperationNotPermitted',
    message: `The instance '${running}' may not be ${deed}. Modify its 'disableApiStop' instance attribute and try again.`,
  })
  expect(await refusalOfSdk(api, 'StopInstances', both)).toEqual(refused('stopped'))
  expect(await refusalOfSdk(api, 'TerminateInstances', both)).toEqual(refused('terminated'))
  const states = [(await describeOne(stopped))?.State?.Name, (await describeOne(running))?.State?.Name]
  expect(states).toEqual(['stopped', 'running'])
  await api.lab.call('ModifyInstanceAttribute', { InstanceId: running, DisableApiStop: { Value: false } })
  const oneMissing = { InstanceIds: [stopped, 'i-0123456789abcdef0'] }
  expect(await refusalOfSdk(api, 'StartInstances', oneMissing)).toMatchObject({ code: 'InvalidInstanceID.NotFound' })
  expect((await describeOne(stopped))?.State?.Name).toBe('stopped')
})

test('cores and threads of a stopped instance are those that were chosen, as far as its type has them', async () => {
  const change = (InstanceId: string, CoreCount: number, ThreadsPerCore: number) => ({
    InstanceId,
    CoreCount,
    ThreadsPerCore,
  })
  const chosen = change(stopped, 1, 1)
  expect(await api.lab.call('ModifyInstanceCpuOptions', chosen)).toEqual(chosen)
  expect((await describeOne(stopped))?.CpuOptions).toEqual({ CoreCount: 1, ThreadsPerCore: 1 })
  expect(await refusalOfSdk(api, 'ModifyInstanceCpuOptions', change(stopped, 2, 1))).toMatchObject({
    code: 'InvalidParameterValue',
  })
  expect(await refusalOfSdk(api, 'ModifyInstanceCpuOptions', change(running, 1, 1))).toMatchObject({
    code: 'IncorrectInstanceState',
  })
})

test('a stopped instance takes a type that fits it, and its processors and credits are those of the type', async () => {
  const change = (Value: string) => ({ InstanceId: stopped, InstanceType: { Value } })
  expect(await refusalOfSdk(api, 'ModifyInstanceAttribute', change('t4g.nano'))).toMatchObject({
    code: 'Unsupported',
  })
  await api.lab.call('ModifyInstanceAttribute', change('t3.micro'))
  expect(await describeOne(stopped)).toMatchObject({
    InstanceType: 't3.micro',
    CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 },
  })
  const told = await api.lab.call('DescribeInstanceCreditSpecifications', { InstanceIds: [stopped] })
  expect(told.InstanceCreditSpecifications).toEqual([{ InstanceId: stopped, CpuCredits: 'unlimited' }])
})

test('status and attributes are told as EC2 tells them', async () => {
  const { InstanceStatuses: told } = await api.lab.call('DescribeInstanceStatus', { IncludeAllInstances: true })
  expect(told?.find(({ InstanceId }) => InstanceId === stopped)).toEqual({
    InstanceId: stopped,
    AvailabilityZone: 'us-east-1a',
    AvailabilityZoneId: 'use1-az1',
    InstanceState: { Code: 80, Name: 'stopped' },
    Events: [],
    InstanceStatus: { Status: 'not-applicable', Details: [] },
    SystemStatus: { Status: 'not-applicable', Details: [] },
    AttachedEbsStatus: { Status: 'not-applicable', Details: [] },
    Operator: { Managed: false },
  })
  const attribute = async (Attribute: string) =>
    await api.lab.call('DescribeInstanceAttribute', {
      InstanceId: stopped,
      Attribute: Attribute as 'groupSet',
    })
  expect((await attribute('groupSet')).Groups).toEqual([
    { GroupId: expect.stringMatching(/^sg-/) as string, GroupName: 'default' },
  ])
  expect((await attribute('enclaveOptions')).EnclaveOptions).toEqual({ Enabled: false })
  const enclave = { InstanceId: stopped, EnclaveOptions: { Enabled: true } }
  expect(await refusalOfSdk(api, 'ModifyInstanceAttribute', enclave)).toMatchObject({ code: 'UnsupportedOperation' })
  await api.lab.call('CreateTags', {
    Resources: [(await describeOne(stopped))?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? ''],
    Tags: [{ Key: 'side', Value: 'inner' }],
  })
  expect(await find('network-interface.tag-value', 'inner')).toEqual([stopped])
  expect(await find('network-interface.addresses.private-dns-name', 'ip-172-31-*')).toEqual([running, stopped])
})
