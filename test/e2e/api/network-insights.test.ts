import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'

// What the operations tell; whether it is so, test/integration/network/reachability.test.ts looks at.
let api: ApiLab
let instanceId: string
let interfaceId: string
let gatewayId: string
let subnetId: string
let groupId: string

beforeAll(async () => {
  api = await openApiLab('quotas:\n  networkInsightsPaths: 4\n')
  const { Instances: launched } = await api.lab.call('RunInstances', {
    ...{ ImageId: api.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 },
  })
  const [instance] = launched ?? []
  instanceId = instance?.InstanceId ?? ''
  subnetId = instance?.SubnetId ?? ''
  interfaceId = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? ''
  groupId = instance?.SecurityGroups?.[0]?.GroupId ?? ''
  const { InternetGateways: gateways } = await api.lab.call('DescribeInternetGateways', {})
  gatewayId = gateways?.[0]?.InternetGatewayId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function createPath(changes: object = {}): Promise<string> {
  const { NetworkInsightsPath: path } = await api.lab.call('CreateNetworkInsightsPath', {
    ...{ Source: gatewayId, Destination: instanceId, Protocol: 'tcp', DestinationPort: 80, ...changes },
  })
  return path?.NetworkInsightsPathId ?? ''
}

async function analyse(pathId: string) {
  const request = { NetworkInsightsPathId: pathId }
  const { NetworkInsightsAnalysis: started } = await api.lab.call('StartNetworkInsightsAnalysis', request)
  const ids = [started?.NetworkInsightsAnalysisId ?? '']
  const told = await api.lab.call('DescribeNetworkInsightsAnalyses', { NetworkInsightsAnalysisIds: ids })
  const [analysis] = told.NetworkInsightsAnalyses ?? []
  expect(analysis).toEqual(started)
  return analysis
}

test('a path is kept, analysed, and found once a rule opens it', async () => {
  const pathId = await createPath({
    TagSpecifications: [{ ResourceType: 'network-insights-path', Tags: [{ Key: 'Name', Value: 'way in' }] }],
  })
  const named = { Filters: [{ Name: 'tag:Name', Values: ['way in'] }] }
  const { NetworkInsightsPaths: paths } = await api.lab.call('DescribeNetworkInsightsPaths', named)
  expect(paths).toMatchObject([
    { NetworkInsightsPathId: pathId, Source: gatewayId, Destination: instanceId, Protocol: 'tcp', DestinationPort: 80 },
  ])
  const closed = await analyse(pathId)
  expect(closed?.NetworkPathFound).toBe(false)
  expect(closed?.Status).toBe('succeeded')
  expect(closed?.Explanations).toMatchObject([
    {
      ExplanationCode: 'ENI_SG_RULES_MISMATCH',
      Direction: 'ingress',
      NetworkInterface: { Id: interfaceId },
      SecurityGroups: [{ Id: groupId }],
    },
  ])
  await api.lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: groupId,
    IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  })
  const open = await analyse(pathId)
  expect(open?.NetworkPathFound).toBe(true)
  expect(open?.ForwardPathComponents?.map(({ Component: component }) => component?.Id)).toEqual([
    gatewayId,
    expect.stringMatching(/^acl-/),
    groupId,
    interfaceId,
  ])
  expect(open?.ReturnPathComponents?.at(-1)?.Component?.Id).toBe(gatewayId)
  const found = { NetworkInsightsPathId: pathId, Filters: [{ Name: 'path-found', Values: ['true'] }] }
  const { NetworkInsightsAnalyses: analyses } = await api.lab.call('DescribeNetworkInsightsAnalyses', found)
  expect(analyses?.map((analysis) => analysis.NetworkInsightsAnalysisId)).toEqual([open?.NetworkInsightsAnalysisId])
  expect((await refusalOfSdk(api, 'DeleteNetworkInsightsPath', { NetworkInsightsPathId: pathId }))?.code).toBe(
    'AnalysisExistsForNetworkInsightsPath',
  )
  for (const { NetworkInsightsAnalysisId: id } of [closed ?? {}, open ?? {}]) {
    await api.lab.call('DeleteNetworkInsightsAnalysis', { NetworkInsightsAnalysisId: id ?? '' })
  }
  await api.lab.call('DeleteNetworkInsightsPath', { NetworkInsightsPathId: pathId })
})

test('what is not there, or does not run, is in the way', async () => {
  const { NetworkInterface: made } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId })
  const loose = await createPath({ Source: instanceId, Destination: made?.NetworkInterfaceId })
  expect((await analyse(loose))?.Explanations?.map(({ ExplanationCode: code }) => code)).toEqual(['BAD_STATE'])
  const nobody = await createPath({ Source: instanceId, Destination: undefined, DestinationIp: '172.31.255.77' })
  const [explanation] = (await analyse(nobody))?.Explanations ?? []
  expect(explanation).toMatchObject({ ExplanationCode: 'NO_POSSIBLE_DESTINATION', Address: '172.31.255.77' })
})

test('kiln net path tells the same, step by step', async () => {
  const closed = await api.lab.kiln('net', 'path', 'internet', instanceId, '--port', '81')
  expect(closed.exitCode).toBe(1)
  expect(closed.stdout).toMatch(/ENI_SG_RULES_MISMATCH: .* lets tcp from the internet to 172\.31\.\S+ port 81 in/)
  expect(closed.stdout).toMatch(new RegExp(`STOP {2}security-group +no ingress rule of ${groupId}`))
  const open = await api.lab.kiln('net', 'path', 'internet', instanceId, '--port', '80')
  expect(open.stdout).toMatch(
    new RegExp(`ok {4}security-group +${groupId} ingress rule sgr-[0-9a-f]+: tcp 80 0.0.0.0/0`),
  )
  expect(open.exitCode).toBe(0)
  const answer = await api.lab.kiln('net', 'path', instanceId, 'internet', '--port', '443', '-o', 'json')
  expect(JSON.parse(answer.stdout)).toMatchObject({ IsFound: true, Obstacles: [] })
  const byIpv6 = await api.lab.kiln('net', 'path', instanceId, '2001:db8::1', '--port', '443')
  expect(byIpv6.stdout).toContain(`${interfaceId} has no IPv6 address`)
  expect((await api.lab.kiln('net', 'path', instanceId, 'internet')).stderr).toContain('Port is needed with tcp')
})

test.each([
  [{ Source: 'somewhere' }, 'InvalidParameterValue'],
  [{ Source: 'i-0123456789abcdef0' }, 'NetworkInsightsSource.NotFound'],
  [{ Destination: 'i-0123456789abcdef0' }, 'NetworkInsightsDestination.NotFound'],
  [{ Destination: undefined }, 'MissingParameter'],
  [{ DestinationIp: '10.0.0' }, 'InvalidParameterValue'],
  [{ DestinationPort: 70_000 }, 'InvalidParameterValue'],
  [{ Protocol: 'icmp' }, 'InvalidParameterValue'],
  [{ FilterAtSource: { SourceAddress: '10.0.0.1' } }, 'UnsupportedOperation'],
] satisfies [object, string][])('%j is refused with %s', async (changes, code) => {
  const request = { Source: gatewayId, Destination: instanceId, Protocol: 'tcp', DestinationPort: 80, ...changes }
  expect((await refusalOfSdk(api, 'CreateNetworkInsightsPath', request))?.code).toBe(code)
})

test('an instance that is stopped is in the way itself', async () => {
  const pathId = await createPath()
  await api.lab.call('StopInstances', { InstanceIds: [instanceId], Force: true })
  await until(async () => {
    const { Reservations: reservations } = await api.lab.call('DescribeInstances', { InstanceIds: [instanceId] })
    return reservations?.[0]?.Instances?.[0]?.State?.Name === 'stopped'
  })
  const codes = (await analyse(pathId))?.Explanations?.map(({ ExplanationCode: code }) => code)
  // Its public address went with its stop.
  expect(codes).toEqual(['BAD_STATE', 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS', 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS'])
})
