import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import * as sdk from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { account, codeOf, credentialsOf, ec2As, makeKey, stsAs } from './credentials.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

describe('the audit log', () => {
  const entriesOf = async (operation: string) =>
    (await api.lab.call('KilnDescribeAuditLog', { Operation: operation })).Entries

  test('has who did what from where, and without secrets', async () => {
    const key = await makeKey(api)
    const role = credentialsOf(
      await stsAs(api, key).send(
        new sts.AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/deploy`, RoleSessionName: 'bob' }),
      ),
    )
    await ec2As(api, role).send(new sdk.CreateKeyPairCommand({ KeyName: 'audited' }))
    const [made] = await entriesOf('CreateKeyPair').then((entries) => entries.slice(-1))
    expect(made).toMatchObject({
      AccountId: account,
      Region: 'us-east-1',
      Arn: `arn:aws:sts::${account}:assumed-role/deploy/bob`,
      AccessKeyId: role.accessKeyId,
      Source: 'query',
      SourceAddress: '127.0.0.1',
      Parameters: { KeyName: 'audited' },
      ResourceIds: [expect.stringMatching(/^key-/) as string],
    })
    expect(made?.Error).toBeUndefined()
    expect((await entriesOf('AssumeRole')).at(-1)).toMatchObject({
      Arn: `arn:aws:iam::${account}:root`,
      AccessKeyId: key.accessKeyId,
    })
    const userData = Buffer.from('password=hunter2').toString('base64')
    const launch = { ImageId: 'ami-00000000000000000', MinCount: 1, MaxCount: 1, UserData: userData }
    expect(await codeOf(ec2As(api, key).send(new sdk.RunInstancesCommand(launch)))).toBe('InvalidAMIID.NotFound')
    expect((await entriesOf('RunInstances')).at(-1)).toMatchObject({
      Parameters: { ImageId: 'ami-00000000000000000', UserData: '(withheld)' },
      Error: { Code: 'InvalidAMIID.NotFound' },
    })
    const everything = JSON.stringify((await api.lab.call('KilnDescribeAuditLog', {})).Entries)
    for (const secret of [userData, role.secretAccessKey, key.secretAccessKey, 'PRIVATE KEY']) {
      expect(everything).not.toContain(secret)
    }
  })

  test('has what was refused and what was only tried, and nothing of what changes nothing', async () => {
    const key = await makeKey(api, { IsReadOnly: true })
    await codeOf(ec2As(api, key).send(new sdk.DeleteVpcCommand({ VpcId: 'vpc-00000000000000000' })))
    await codeOf(ec2As(api, key).send(new sdk.DescribeVpcsCommand({})))
    await codeOf(
      ec2As(api, api.key).send(
        new sdk.CreateTagsCommand({ DryRun: true, Resources: [api.imageId], Tags: [{ Key: 'k' }] }),
      ),
    )
    const { Entries: entries } = await api.lab.call('KilnDescribeAuditLog', {})
    const mine = entries.filter(({ AccessKeyId }) => AccessKeyId === key.accessKeyId)
    expect(mine.every(({ Error: error }) => error !== undefined)).toBe(true)
    expect((await entriesOf('CreateTags')).at(-1)?.Error?.Code).toBe('DryRunOperation')
    expect(entries.some(({ Operation }) => Operation.startsWith('Describe'))).toBe(false)
  })

  test('has what comes over the socket, and kiln audit shows it', async () => {
    await api.lab.call('CreateKeyPair', { KeyName: 'by-socket' })
    const { stdout } = await api.lab.kiln('audit', '--operation', 'CreateKeyPair', '--tail', '1', '-o', 'json')
    expect(JSON.parse(stdout)).toMatchObject({
      Operation: 'CreateKeyPair',
      Source: 'socket',
      Arn: `arn:aws:iam::${account}:root`,
      Parameters: { KeyName: 'by-socket' },
    })
    const table = await api.lab.kiln('audit', '--operation', 'CreateKeyPair', '--tail', '1')
    expect(table.stdout).toMatch(
      / ok {2}CreateKeyPair {2}us-east-1 {2}arn:aws:iam::123456789012:root {2}socket {2}key-/,
    )
  })

  test('is followed until Ctrl-C', async () => {
    const [program, ...rest] = api.lab.kilnArgv
    await api.lab.call('DeleteKeyPair', { KeyName: 'before' })
    const following = spawn(program, [...rest, 'audit', '-f', '--operation', 'DeleteKeyPair', '-o', 'json'])
    const ended = once(following, 'exit')
    const seen: string[] = []
    for await (const line of createInterface(following.stdout)) {
      seen.push((JSON.parse(line) as { Parameters: { KeyName: string } }).Parameters.KeyName)
      if (seen.length > 1) break
      await api.lab.call('DeleteKeyPair', { KeyName: 'after' })
    }
    following.kill('SIGINT')
    expect([seen, await ended]).toEqual([
      ['before', 'after'],
      [130, null],
    ])
  })
})
