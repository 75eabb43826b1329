import { describe, expect, test } from 'vitest'
import { validateInput } from '../../../../src/api/model-validation.ts'
import { decodeForm } from '../../../../src/api/query/form.ts'
import { parseQuery } from '../../../../src/api/query/parse-query.ts'
import { writeError, writeResponse } from '../../../../src/api/query/write-response.ts'
import { Ec2Error } from '../../../../src/ec2/errors.ts'
import { loadModel } from '../../../../src/ec2-model/model.ts'

const model = loadModel()
const parse = (form: string) => parseQuery(model, decodeForm(`Version=2016-11-15&Action=${form}`)).input

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Ec2Error) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

describe('a query', () => {
  test.each([
    ['lists numbered from 1', 'DescribeInstances&InstanceId.1=a&InstanceId.2=b', { InstanceIds: ['a', 'b'] }],
    ['lists numbered from 0', 'DescribeInstances&InstanceId.0=a&InstanceId.1=b', { InstanceIds: ['a', 'b'] }],
    ['lists in the order of numbers', 'DescribeInstances&InstanceId.10=b&InstanceId.9=a', { InstanceIds: ['a', 'b'] }],
    ['a single item with no number', 'DescribeKeyPairs&KeyName=k', { KeyNames: ['k'] }],
    ['an empty list', 'DescribeKeyPairs&KeyName=', {}],
    ['booleans in any case', 'DescribeInstances&DryRun=True', { DryRun: true }],
    ['booleans as digits', 'DescribeInstances&DryRun=0', { DryRun: false }],
    [
      'empty scalars as absent',
      'CreateSecurityGroup&GroupName=g&GroupDescription=d&VpcId=',
      { GroupName: 'g', Description: 'd' },
    ],
    [
      'empty structures as absent',
      'RunInstances&MinCount=1&MaxCount=1&IamInstanceProfile.Name=&SubnetId=&Placement.AvailabilityZone=',
      { MinCount: 1, MaxCount: 1 },
    ],
    [
      'empty values of tags',
      'CreateTags&ResourceId.1=i-1&Tag.1.Key=a&Tag.1.Value=',
      { Resources: ['i-1'], Tags: [{ Key: 'a', Value: '' }] },
    ],
    [
      'bytes',
      'ImportKeyPair&KeyName=k&PublicKeyMaterial=AQID',
      { KeyName: 'k', PublicKeyMaterial: new Uint8Array([1, 2, 3]) },
    ],
    [
      'times without fractions',
      'EnableImageDeprecation&ImageId=a&DeprecateAt=2026-11-23T10:00:00Z',
      { ImageId: 'a', DeprecateAt: new Date('2026-11-23T10:00:00Z') },
    ],
    [
      'times with fractions',
      'EnableImageDeprecation&ImageId=a&DeprecateAt=2026-11-23T10:00:00.123Z',
      { ImageId: 'a', DeprecateAt: new Date('2026-11-23T10:00:00.123Z') },
    ],
    ['no parameters of the signature', 'DescribeRegions&X-Amz-Date=x&AWSAccessKeyId=y', {}],
  ])('may have %s', (_what, form, input) => {
    expect(parse(form)).toEqual(input)
  })

  test.each([
    ['Nope', 'InvalidAction: The action Nope is not valid for this web service.'],
    ['', 'MissingAction: The request must contain the parameter Action'],
    ['RunInstances&MinCount=1', 'MissingParameter: The request must contain the parameter MaxCount'],
    [
      'RunInstances&MinCount=x&MaxCount=1',
      'InvalidParameterValue: Value (x) for parameter MinCount is invalid. Expecting an integer.',
    ],
    [
      'RunInstances&MinCount=1.5&MaxCount=1',
      'InvalidParameterValue: Value (1.5) for parameter MinCount is invalid. Expecting an integer.',
    ],
    [
      'DescribeInstances&DryRun=maybe',
      'InvalidParameterValue: Value (maybe) for parameter DryRun is invalid. Expecting a boolean (true or false).',
    ],
    [
      'DescribeSubnets&MaxResults=1',
      'InvalidParameterValue: Value (1) for parameter MaxResults is invalid. Expecting a value between 5 and 1000.',
    ],
    [
      'ImportKeyPair&KeyName=k&PublicKeyMaterial=*',
      'InvalidParameterValue: Value (*) for parameter PublicKeyMaterial is invalid. Expecting base64-encoded data.',
    ],
    ['DescribeInstances&Flter.1.Name=x', 'UnknownParameter: The parameter Flter is not recognized'],
    ['DescribeInstances&Filter.1.Nam=x', 'UnknownParameter: The parameter Filter.1.Nam is not recognized'],
    ['DescribeInstances&__proto__.x=1', 'UnknownParameter: The parameter __proto__ is not recognized'],
    [
      'CreateTags&ResourceId.1=i&Tag.1.Key=a&Tag.1.__proto__.y=1',
      'UnknownParameter: The parameter Tag.1.__proto__ is not recognized',
    ],
    [
      'DescribeInstances&DryRun=true&DryRun=false',
      'InvalidQueryParameter: The parameter DryRun is given more than once',
    ],
    [
      'DescribeInstances&InstanceId.1=a&InstanceId.01=b',
      'InvalidQueryParameter: Two items of the list InstanceId have the same number',
    ],
    [
      'DescribeInstances&InstanceId.1=a%00',
      'InvalidParameterValue: The value for parameter InstanceId.1 contains characters that are not allowed in XML 1.0.',
    ],
    [`DescribeInstances&${'a.'.repeat(30)}=1`, `UnknownParameter: The parameter ${'a.'.repeat(30)} is not recognized`],
  ])('is refused for %s', (form, refusal) => {
    expect(refusalOf(() => parse(form))).toBe(refusal)
  })

  test('is refused for a value outside its enumeration', () => {
    expect(refusalOf(() => parse('CreateVolume&AvailabilityZone=a&VolumeType=gp9'))).toContain(
      'InvalidParameterValue: Value (gp9) for parameter VolumeType is invalid. Expecting one of: ',
    )
  })

  test.each([
    ['2099-01-01', 'NoSuchVersion: The requested version (2099-01-01) of service AmazonEC2 does not exist'],
    ['', 'MissingParameter: The request must contain the parameter Version'],
    ['2010-08-31', 'accepted'],
  ])('of version "%s" is answered as by EC2', (version, outcome) => {
    expect(refusalOf(() => parseQuery(model, decodeForm(`Action=DescribeRegions&Version=${version}`)))).toBe(outcome)
  })

  test.each(['a=%', 'a=%ff', '%zz=1'])('that is no encoded text is refused: %s', (form) => {
    expect(refusalOf(() => decodeForm(form))).toBe('MalformedQueryString: The query string contains a syntax error')
  })

  test('with too many parameters is refused', () => {
    expect(refusalOf(() => decodeForm('a&'.repeat(5000)))).toContain('InvalidQueryParameter')
  })

  test('made of random pieces is parsed or refused, never worse', () => {
    const pieces = [
      'InstanceId',
      'Filter',
      'Tag',
      '.',
      '.1',
      '.0',
      '.999999',
      '=',
      '&',
      '%',
      '%00',
      '%F0%9F',
      'Value',
      '__proto__',
      'constructor',
      '+',
      'DryRun=',
      'true',
      '😀',
      'x'.repeat(200),
    ]
    let state = 7
    const dice = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
    for (let round = 0; round < 5000; round++) {
      const operation = model.operationNames[Math.floor(dice() * model.operationNames.length)]
      const tail = Array.from(
        { length: Math.floor(dice() * 30) },
        () => pieces[Math.floor(dice() * pieces.length)],
      ).join('')
      expect(refusalOf(() => parse(`${operation}&${tail}`))).toMatch(/^(accepted|[A-Z]\w+: .{1,400})$/s)
    }
    expect(Object.prototype).not.toHaveProperty('x')
  })
})

test('JSON input is held to the same rules', () => {
  expect(refusalOf(() => validateInput(model, 'DescribeInstances', { Flter: 1 }))).toBe(
    'UnknownParameter: The parameter Flter is not recognized',
  )
  expect(refusalOf(() => validateInput(model, 'RunInstances', { MinCount: '1', MaxCount: 1 }))).toBe(
    'InvalidParameterValue: Value (1) for parameter MinCount is invalid. Expecting a number.',
  )
  expect(refusalOf(() => validateInput(model, 'RunInstances', { MinCount: 1 }))).toBe(
    'MissingParameter: The request must contain the parameter MaxCount',
  )
})

test('answers are written as EC2 writes them', () => {
  const heading = { requestId: 'r' }
  const start = (operation: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<${operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>`
  expect(Buffer.concat(writeResponse(model, 'CreateTags', undefined, heading)).toString()).toBe(
    `${start('CreateTags')}<return>true</return></CreateTagsResponse>`,
  )
  expect(Buffer.concat(writeResponse(model, 'DescribeKeyPairs', { KeyPairs: [] }, heading)).toString()).toBe(
    `${start('DescribeKeyPairs')}<keySet/></DescribeKeyPairsResponse>`,
  )
  expect(Buffer.concat(writeResponse(model, 'DescribeKeyPairs', {}, heading)).toString()).toBe(
    `${start('DescribeKeyPairs')}</DescribeKeyPairsResponse>`,
  )
  expect(
    Buffer.concat(
      writeResponse(model, 'DescribeKeyPairs', { KeyPairs: [{ KeyName: '<&>"\r\n\u0001' }] }, heading),
    ).toString(),
  ).toBe(
    `${start('DescribeKeyPairs')}<keySet><item><keyName>&#x3C;&#x26;&#x3E;&#x22;&#xD;&#xA;\ufffd</keyName></item></keySet></DescribeKeyPairsResponse>`,
  )
  expect(writeError(new Ec2Error('A.B', 'x < y'), 'r')).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>A.B</Code><Message>x &#x3C; y</Message></Error></Errors><RequestID>r</RequestID></Response>',
  )
})
