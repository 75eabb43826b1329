import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitForBootStage } from './boot-stage.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

// Where the tests run as root, the clients' test does the same with root's daemon.
describe('a nano server of the daemon of an ordinary user', () => {
  let lab: Lab
  let keyFile: string
  let instanceId: string
  let otherId: string
  let left: string[] | undefined

  beforeAll(async () => {
    lab = await openLab(labUser)
    await lab.startDaemon()
  })
  afterAll(async () => {
    left ??= await lab.close()
  })

  async function describeOne(id: string) {
    const { Reservations: reservations } = await lab.call('DescribeInstances', { InstanceIds: [id] })
    const found = reservations?.[0]?.Instances?.[0]
    if (!found) throw new Error(`${id} is not there`)
    return found
  }
  async function waitForState(id: string, state: string) {
    await until(async () => (await describeOne(id)).State?.Name === state)
  }
  async function login(id: string, command: string): Promise<string> {
    return await lab.ssh((await describeOne(id)).PublicIpAddress ?? '', 'ec2-user', keyFile, command)
  }

  test('takes the nano image that its recipe made', async () => {
    await provideImage(lab, 'nano')
    const images = (await lab.aws('describe-images', '--owners', 'self')) as { Images: { Name: string }[] }
    expect(images.Images.map(({ Name }) => Name)).toEqual(['nano'])
  })

  test('launches servers by the AWS CLI and lets them in at their public addresses', async () => {
    const key = (await lab.aws('create-key-pair', '--key-name', 'k', '--key-type', 'ed25519')) as {
      KeyMaterial: string
    }
    keyFile = await lab.saveKey('k', key.KeyMaterial)
    const group = (await lab.aws('create-security-group', '--group-name', 'web', '--description', 'web')) as {
      GroupId: string
    }
    await lab.aws(
      'authorize-security-group-ingress',
      '--group-id',
      group.GroupId,
      '--protocol',
      'tcp',
      '--port',
      '22',
      '--cidr',
      '0.0.0.0/0',
    )
    const { Images: images } = (await lab.aws('describe-images')) as { Images: { ImageId: string }[] }
    const launched = (await lab.aws(
      ...['run-instances', '--image-id', images[0]?.ImageId ?? '', '--instance-type', 't3.nano', '--count', '2'],
      ...[
        '--key-name',
        'k',
        '--security-group-ids',
        group.GroupId,
        '--user-data',
        '#!/bin/sh\necho from-user-data >/root/told\n',
      ],
      ...['--block-device-mappings', 'DeviceName=/dev/xvda,Ebs={VolumeSize=3}'],
    )) as { Instances: { InstanceId: string; State: { Name: string } }[] }
    expect(launched.Instances.map(({ State }) => State.Name)).toEqual(['pending', 'pending'])
    instanceId = launched.Instances[0]?.InstanceId ?? ''
    otherId = launched.Instances[1]?.InstanceId ?? ''
    await Promise.all([waitForBootStage(lab, instanceId, 'ssh'), waitForBootStage(lab, otherId, 'ssh')])
    const { PrivateIpAddress: privateIp = '' } = await describeOne(instanceId)
    await until(async () => (await login(instanceId, 'sudo cat /root/told || true')).includes('from-user-data'))
    expect(await login(instanceId, 'hostname')).toContain(privateIp.replaceAll('.', '-'))
  })

  test('grows the root file system to the size that was asked for', async () => {
    const kib = Number((await login(instanceId, "df -k / | tail -1 | awk '{print $2}'")).trim())
    expect(kib).toBeGreaterThan(2.5 * 1024 * 1024)
  })

  test('keeps packets between two servers out until the group lets them in, at once', async () => {
    const { PrivateIpAddress: other = '', SecurityGroups: groups = [] } = await describeOne(otherId)
    const probe = `nc -w 3 ${other} 8080 </dev/null && echo reached || echo blocked`
    await login(otherId, '(while true; do echo hi | nc -l -p 8080; done) >/dev/null 2>&1 &')
    expect(await login(instanceId, probe)).toContain('blocked')
    const groupId = groups[0]?.GroupId ?? ''
    await lab.aws(
      'authorize-security-group-ingress',
      '--group-id',
      groupId,
      '--protocol',
      'tcp',
      '--port',
      '8080',
      '--source-group',
      groupId,
    )
    await until(async () => (await login(instanceId, probe)).includes('reached'))
  })

  test('goes on with the very machines after the daemon was killed', async () => {
    const before = await lab.call('KilnDescribeInstance', { InstanceId: instanceId })
    await lab.killDaemon()
    await lab.startDaemon()
    const after = await lab.call('KilnDescribeInstance', { InstanceId: instanceId })
    expect(after.QemuPid).toBe(before.QemuPid)
    expect((await describeOne(instanceId)).State?.Name).toBe('running')
    expect(await login(instanceId, 'sudo cat /root/told')).toContain('from-user-data')
  })

  test('stops by the power button and starts with the disk it had', async () => {
    await lab.aws('stop-instances', '--instance-ids', instanceId)
    await waitForState(instanceId, 'stopped')
    await lab.aws('start-instances', '--instance-ids', instanceId)
    await waitForBootStage(lab, instanceId, 'ssh')
    expect(await login(instanceId, 'sudo cat /root/told')).toContain('from-user-data')
  })

  test('tells of a server that powers itself off', async () => {
    await login(otherId, 'sudo poweroff').catch(() => undefined)
    await waitForState(otherId, 'stopped')
    expect((await describeOne(otherId)).StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  })

  test('shows its console as text and as a picture', async () => {
    const output = (await lab.call('GetConsoleOutput', { InstanceId: instanceId })).Output ?? ''
    expect(Buffer.from(output, 'base64').toString()).toContain('kiln: boot stage')
    const { ImageData: image = '' } = await lab.call('GetConsoleScreenshot', { InstanceId: instanceId })
    expect(Buffer.from(image, 'base64').subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]))
  })

  test('refuses what a state does not allow, in EC2 words', async () => {
    await expect(lab.aws('reboot-instances', '--instance-ids', otherId)).rejects.toThrow(/IncorrectInstanceState/)
    await expect(lab.aws('describe-instances', '--instance-ids', 'i-0123456789abcdef0')).rejects.toThrow(
      /InvalidInstanceID.NotFound/,
    )
    await expect(lab.aws('describe-transit-gateways')).rejects.toThrow(/UnsupportedOperation.*DescribeTransitGateways/)
  })

  test('leaves nothing behind when all is terminated', async () => {
    await lab.aws('terminate-instances', '--instance-ids', instanceId, otherId)
    await Promise.all([waitForState(instanceId, 'terminated'), waitForState(otherId, 'terminated')])
    const { Volumes: volumes } = await lab.call('DescribeVolumes', {})
    expect(volumes).toEqual([])
    left = await lab.close()
    expect(left).toEqual([])
  })
})
