import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../../src/ec2-model/model.ts'
import { type ApiLab, openApiLab, refusalOfSocket } from './api-lab.ts'
import { type RawQuery, sendRaw } from './raw-query.ts'

let api: ApiLab
const version = 'Version=2016-11-15'

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function ask(parameters: string, more: Partial<RawQuery> = {}) {
  return await sendRaw(api.endpointUrl, { parameters, key: api.key, ...more })
}

/** A call of DescribeRegions, or another action. */
const action = (rest = '', name = 'DescribeRegions') => `Action=${name}&${version}${rest}`
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

describe('a request is answered', () => {
  test.each<[string, string, Partial<RawQuery>]>([
    ['by POST', action(), {}],
    ['by GET', action(), { method: 'GET' }],
    ['presigned', action(), { method: 'GET', expiresSeconds: 60 }],
    ['with a clock four minutes late', action(), { at: minutesAgo(4) }],
    ['with a clock four minutes early', action(), { at: minutesAgo(-4) }],
    ['for another region', action('', 'DescribeVpcs'), { region: 'eu-west-1' }],
    ['of an older API version', 'Action=DescribeRegions&Version=2014-06-15', {}],
    ['with list indices from 0', action('&RegionName.0=us-east-1&RegionName.1=us-east-2'), {}],
    ['with a list without numbers', action('&RegionName=us-east-1'), {}],
    ['with empty parameters', action('&RegionName.1=&Filter.1.Name=&DryRun='), {}],
    ['with booleans in any case', action('&AllRegions=TRUE&DryRun=False'), {}],
  ])('%s', async (_how, parameters, more) => {
    const answer = await ask(parameters, more)
    expect([answer.status, answer.code, answer.message]).toEqual([200, undefined, undefined])
  })
})

describe('a signature is refused that', () => {
  const wrongKey = () => ({ ...api.key, secretAccessKey: `${api.key.secretAccessKey}x` })
  const unknownKey = () => ({ ...api.key, accessKeyId: 'AKIAIOSFODNN7EXAMPLE' })
  const noCredentials = 'AWS was not able to validate the provided access credentials'
  test.each<[string, () => Partial<RawQuery>, number, string, string]>([
    [
      'is not there',
      () => ({ key: null }),
      403,
      'MissingAuthenticationToken',
      'Request is missing Authentication Token',
    ],
    ['has another secret', () => ({ key: wrongKey() }), 401, 'AuthFailure', noCredentials],
    ['has an unknown key', () => ({ key: unknownKey() }), 401, 'AuthFailure', noCredentials],
    ['is six minutes old', () => ({ at: minutesAgo(6) }), 400, 'RequestExpired', 'Request has expired.'],
    ['is six minutes early', () => ({ at: minutesAgo(-6) }), 400, 'RequestExpired', 'Request has expired.'],
    ['is of another body', () => ({ sentParameters: action('', 'DescribeVpcs') }), 401, 'AuthFailure', noCredentials],
    [
      'is of another query',
      () => ({ method: 'GET', sentParameters: action('', 'DescribeVpcs') }),
      401,
      'AuthFailure',
      noCredentials,
    ],
    [
      'was presigned for a time that is over',
      () => ({ method: 'GET', expiresSeconds: 60, at: minutesAgo(2) }),
      400,
      'RequestExpired',
      'Request has expired.',
    ],
    [
      'was presigned for eight days',
      () => ({ method: 'GET', expiresSeconds: 8 * 86_400 }),
      401,
      'AuthFailure',
      'X-Amz-Expires',
    ],
    [
      'is for no region',
      () => ({ region: 'moon-1' }),
      400,
      'InvalidParameterValue',
      'The region moon-1 does not exist.',
    ],
  ])('%s', async (_what, more, status, code, message) => {
    const answer = await ask(action(), more())
    expect(answer).toMatchObject({ status, code, message: expect.stringContaining(message) as string })
    expect(answer.requestId).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('a request is refused with', () => {
  const megabyte = 'x'.repeat(1024 * 1024)
  test.each<[string, string, Partial<RawQuery>, number, string, string]>([
    ['no action', version, {}, 400, 'MissingAction', 'Action'],
    [
      'an action that EC2 does not have',
      action('', 'MakeCoffee'),
      {},
      400,
      'InvalidAction',
      'The action MakeCoffee is not valid for this web service.',
    ],
    ['no version', 'Action=DescribeRegions', {}, 400, 'MissingParameter', 'Version'],
    ['a version to come', 'Action=DescribeRegions&Version=2099-01-01', {}, 400, 'NoSuchVersion', '2099-01-01'],
    [
      'an unknown parameter',
      action('&Colour=red'),
      {},
      400,
      'UnknownParameter',
      'The parameter Colour is not recognized',
    ],
    ['an unknown member', action('&Filter.1.Colour=red'), {}, 400, 'UnknownParameter', 'Filter.1.Colour'],
    [
      'a parameter that Kiln lacks',
      action('&KernelId=aki-1&ImageId=ami-01234567&MinCount=1&MaxCount=1', 'RunInstances'),
      {},
      400,
      'UnsupportedOperation',
      'The parameter KernelId of RunInstances is not supported by Kiln.',
    ],
    ['a parameter twice', action('&AllRegions=true&AllRegions=true'), {}, 400, 'InvalidQueryParameter', 'AllRegions'],
    [
      'a text for a number',
      action('&MaxResults=many', 'DescribeInstances'),
      {},
      400,
      'InvalidParameterValue',
      'Value (many) for parameter MaxResults is invalid. Expecting an integer.',
    ],
    [
      'a fraction for an integer',
      action('&MaxResults=5.5', 'DescribeInstances'),
      {},
      400,
      'InvalidParameterValue',
      'Expecting an integer.',
    ],
    [
      'a text for a boolean',
      action('&AllRegions=yes'),
      {},
      400,
      'InvalidParameterValue',
      'Expecting a boolean (true or false).',
    ],
    [
      'a word outside its enumeration',
      action('&LocationType=moon', 'DescribeInstanceTypeOfferings'),
      {},
      400,
      'InvalidParameterValue',
      'Expecting one of: ',
    ],
    [
      'a list for a text',
      action('&InstanceId=i-01234567&Latest.1=true', 'GetConsoleOutput'),
      {},
      400,
      'UnknownParameter',
      'Latest.1',
    ],
    [
      'a text for a structure',
      action('&MinCount=1&MaxCount=1&Placement=here', 'RunInstances'),
      {},
      400,
      'InvalidParameterValue',
      'Expecting a structure.',
    ],
    [
      'no required parameter',
      action('', 'TerminateInstances'),
      {},
      400,
      'MissingParameter',
      'The request must contain the parameter InstanceId',
    ],
    [
      'bytes that are no base64',
      action('&KeyName=k&PublicKeyMaterial=%21', 'ImportKeyPair'),
      {},
      400,
      'InvalidParameterValue',
      'Expecting base64-encoded data.',
    ],
    [
      'a control character',
      action('&KeyName=a%00b', 'CreateKeyPair'),
      {},
      400,
      'InvalidParameterValue',
      'characters that are not allowed',
    ],
    ['keys without end', action(`&${'a.'.repeat(50)}b=1`), {}, 400, 'UnknownParameter', 'a.a.'],
    [
      '5000 parameters',
      action(Array.from({ length: 5000 }, (_, index) => `&RegionName.${index}=x`).join('')),
      {},
      400,
      'InvalidQueryParameter',
      '4000',
    ],
    ['a broken encoding', action('&RegionName.1=%ff'), {}, 400, 'MalformedQueryString', 'syntax error'],
    ['a body over the limit', action(`&RegionName.1=${megabyte}`), {}, 413, 'RequestEntityTooLarge', '1048576 bytes'],
    [
      'a body far over the limit',
      action(`&RegionName.1=${megabyte.repeat(30)}`),
      {},
      413,
      'RequestEntityTooLarge',
      '1048576 bytes',
    ],
    [
      'JSON',
      '{}',
      { contentType: 'application/json' },
      415,
      'UnsupportedMediaType',
      'application/x-www-form-urlencoded',
    ],
  ])('%s', async (_what, parameters, more, status, code, message) => {
    const answer = await ask(parameters, more)
    expect(answer).toMatchObject({ status, code, message: expect.stringContaining(message) as string })
    expect(answer.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.body.length).toBeLessThan(2000)
    expect(answer.body).not.toMatch(/\bat .*:\d+:\d+/)
  })
})

test('tag values that would break XML come back as they were', async () => {
  const { Vpcs: vpcs } = await api.lab.call('DescribeVpcs', {})
  const vpcId = vpcs?.[0]?.VpcId ?? ''
  const value = `]]> </value><!-- & &amp; "'\r\n\t é 😀 $(reboot) ../../x`
  const set = await ask(
    action(`&ResourceId.1=${vpcId}&Tag.1.Key=%3Ckey%3E&Tag.1.Value=${encodeURIComponent(value)}`, 'CreateTags'),
  )
  expect(set.body).toContain('<return>true</return>')
  const { Vpcs: tagged } = await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })
  expect(tagged?.[0]?.Tags).toEqual([{ Key: '<key>', Value: value }])
  const shown = (await api.lab.aws('describe-tags', '--filters', `Name=resource-id,Values=${vpcId}`)) as {
    Tags: { Key: string; Value: string }[]
  }
  expect(shown.Tags).toMatchObject([{ Key: '<key>', Value: value }])
})

/** What issue 2 asks for by name. */
const promised = [
  ...[
    'RunInstances',
    'DescribeInstances',
    'DescribeInstanceStatus',
    'StartInstances',
    'StopInstances',
    'RebootInstances',
  ],
  ...['TerminateInstances', 'DescribeInstanceAttribute', 'ModifyInstanceAttribute', 'GetConsoleOutput'],
  ...[
    'GetConsoleScreenshot',
    'DescribeImages',
    'RegisterImage',
    'DeregisterImage',
    'DescribeKeyPairs',
    'CreateKeyPair',
  ],
  ...['ImportKeyPair', 'DeleteKeyPair', 'DescribeSecurityGroups', 'CreateSecurityGroup', 'DeleteSecurityGroup'],
  ...['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress'],
  ...['RevokeSecurityGroupEgress', 'DescribeInstanceTypes', 'DescribeRegions', 'DescribeAvailabilityZones'],
  ...['DescribeVpcs', 'DescribeSubnets', 'DescribeVolumes', 'CreateTags', 'DeleteTags', 'DescribeTags'],
]

test('every operation of the model that Kiln does not offer says so by its name, whatever its parameters', async () => {
  const offered: string[] = []
  for (const name of loadModel().operationNames) {
    const answer = await ask(action('&What.1.Ever=x', name))
    if (answer.code !== 'UnsupportedOperation') {
      offered.push(name)
      continue
    }
    const message = `The operation ${name} is not supported by Kiln.`
    expect(answer).toMatchObject({ status: 400, message })
    expect(await refusalOfSocket(api, name, { What: 1 })).toEqual({ code: 'UnsupportedOperation', message })
  }
  expect(offered).toEqual(expect.arrayContaining(promised))
  expect(offered.length).toBeLessThan(loadModel().operationNames.length)
})
