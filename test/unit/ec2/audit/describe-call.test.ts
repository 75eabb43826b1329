import { expect, test } from 'vitest'
import { describeParameters, findResourceIds } from '../../../../src/ec2/audit/describe-call.ts'

test('keeps what a call was about and withholds secrets, wherever they stand', () => {
  expect(
    describeParameters({
      ImageId: 'ami-1',
      UserData: 'c2VjcmV0',
      LaunchTemplateData: { UserData: 'c2VjcmV0', InstanceType: 't3.nano' },
      Value: new Uint8Array(7),
      ValidUntil: new Date(0),
      Absent: undefined,
    }),
  ).toEqual({
    ImageId: 'ami-1',
    UserData: '(withheld)',
    LaunchTemplateData: { UserData: '(withheld)', InstanceType: 't3.nano' },
    Value: '(7 bytes)',
    ValidUntil: '1970-01-01T00:00:00.000Z',
  })
})

test('withholds passwords and signatures in URLs', () => {
  const described = describeParameters({ Source: 'https://user:secret@host/disk.img?X-Amz-Signature=secret#secret' })
  expect(described).toEqual({ Source: 'https://host/disk.img?(withheld)' })
})

test('stays small whatever it is given', () => {
  const deep: Record<string, unknown> = {}
  let inner = deep
  for (let depth = 0; depth < 5000; depth++) inner = inner['Inner'] = {}
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`Name${index}`, 'x'.repeat(5000)]))
  for (const input of [deep, many, { Ids: Array.from({ length: 10_000 }, () => 'x') }, { Text: 'x'.repeat(100_000) }]) {
    expect(JSON.stringify(describeParameters(input)).length).toBeLessThan(3000)
  }
})

test('finds the ids that an answer names', () => {
  const output = {
    Instances: [{ InstanceId: 'i-0123456789abcdef0', Key: 'key-material', VpcId: 'vpc-0123456789abcdef0' }],
  }
  expect(findResourceIds([output, output])).toEqual(['i-0123456789abcdef0', 'vpc-0123456789abcdef0'])
  expect(findResourceIds(undefined)).toEqual([])
})
