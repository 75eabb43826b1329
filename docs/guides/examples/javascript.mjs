// The whole life of a server by the AWS SDK for JavaScript. Run it after: eval "$(kiln env)"
// It takes the AMI by its name (first argument, nano when absent) and leaves nothing behind.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  EC2,
  waitUntilImageAvailable,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
  waitUntilSnapshotCompleted,
  waitUntilVolumeAvailable,
  waitUntilVolumeInUse,
} from '@aws-sdk/client-ec2'

const [imageName = 'nano', login = 'ec2-user'] = process.argv.slice(2)
// The endpoint, the region and the keys are those of the environment.
const client = new EC2({})
const patience = { client, maxWaitTime: 600, minDelay: 1, maxDelay: 2 }
const work = await mkdtemp(join(tmpdir(), 'kiln-javascript-'))

const { Images: images } = await client.describeImages({ Filters: [{ Name: 'name', Values: [imageName] }] })
const key = await client.createKeyPair({ KeyName: 'javascript', KeyType: 'ed25519' })
const keyFile = join(work, 'key')
await writeFile(keyFile, key.KeyMaterial, { mode: 0o600 })
const { GroupId } = await client.createSecurityGroup({ GroupName: 'javascript', Description: 'SSH' })
await client.authorizeSecurityGroupIngress({
  GroupId,
  IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
})

const launched = await client.runInstances({
  ImageId: images[0].ImageId,
  InstanceType: 't3.nano',
  MinCount: 1,
  MaxCount: 1,
  KeyName: 'javascript',
  SecurityGroupIds: [GroupId],
  UserData: Buffer.from('#!/bin/sh\necho "told by user data" >/tmp/told\n').toString('base64'),
  TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'javascript' }] }],
})
const { InstanceId } = launched.Instances[0]
const InstanceIds = [InstanceId]
await waitUntilInstanceRunning(patience, { InstanceIds })

async function describe() {
  const { Reservations: reservations } = await client.describeInstances({ InstanceIds })
  return reservations[0].Instances[0]
}

/** Runs a command in the server as soon as its SSH answers. */
async function run(command) {
  const { PublicIpAddress: address } = await describe()
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR']
  const argv = ['-i', keyFile, '-p', process.env.SSH_PORT ?? '22', ...options.flatMap((option) => ['-o', option])]
  for (;;) {
    const done = await promisify(execFile)('ssh', [...argv, `${login}@${address}`, command]).catch(() => undefined)
    if (done) return done.stdout.trim()
    await setTimeout(1000)
  }
}
console.log(await run('cat /tmp/told'))

await client.createTags({ Resources: InstanceIds, Tags: [{ Key: 'stage', Value: 'tried' }] })
const { Placement: placement } = await describe()
const { VolumeId } = await client.createVolume({ Size: 1, AvailabilityZone: placement.AvailabilityZone })
const VolumeIds = [VolumeId]
await waitUntilVolumeAvailable(patience, { VolumeIds })
await client.attachVolume({ VolumeId, InstanceId, Device: '/dev/sdf' })
await waitUntilVolumeInUse(patience, { VolumeIds })
while (!(await run('cat /proc/partitions')).includes('vdb')) await setTimeout(1000)
await client.detachVolume({ VolumeId })
await waitUntilVolumeAvailable(patience, { VolumeIds })

const { SnapshotId } = await client.createSnapshot({ VolumeId, Description: 'of a volume' })
await waitUntilSnapshotCompleted(patience, { SnapshotIds: [SnapshotId] })
const { ImageId } = await client.createImage({ InstanceId, Name: 'javascript-baked', NoReboot: true })
await waitUntilImageAvailable(patience, { ImageIds: [ImageId] })

await client.stopInstances({ InstanceIds })
await waitUntilInstanceStopped(patience, { InstanceIds })
await client.modifyInstanceAttribute({ InstanceId, InstanceType: { Value: 't3.micro' } })
await client.startInstances({ InstanceIds })
await waitUntilInstanceRunning(patience, { InstanceIds })
console.log(await run('cat /etc/hostname'))

await client.terminateInstances({ InstanceIds })
await waitUntilInstanceTerminated(patience, { InstanceIds })
await client.deleteVolume({ VolumeId })
await client.deleteSnapshot({ SnapshotId })
await client.deregisterImage({ ImageId, DeleteAssociatedSnapshots: true })
await client.deleteSecurityGroup({ GroupId })
await client.deleteKeyPair({ KeyName: 'javascript' })
await rm(work, { recursive: true })
console.log(`the life of ${InstanceId} is over`)
