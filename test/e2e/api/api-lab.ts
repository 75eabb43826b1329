import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import type { OperationName } from '../../../src/api/contract.ts'
import { writeIdleDisk } from '../idle-disk.ts'
import { waitForImage } from '../images.ts'
import { type Lab, openLab, until } from '../lab.ts'
import type { SigningKey } from './raw-query.ts'

/** A daemon with one image, whose machines halt as soon as they boot, asked through all of its front ends. */
export interface ApiLab {
  readonly lab: Lab
  readonly endpointUrl: string
  readonly key: SigningKey
  readonly client: sdk.EC2Client
  readonly imageId: string
  readonly snapshotId: string
}

/** What a front end answers to a call that it refuses. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** Opens a lab whose daemon has that configuration (YAML), and looks for programs there first. */
export async function openApiLab(configuration = '', programs?: string): Promise<ApiLab> {
  const lab = await openLab(undefined, { configuration, ...(programs === undefined ? {} : { programs }) })
  await lab.startDaemon()
  const environment = await lab.call('KilnGetEnvironment', {})
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, EndpointUrl: endpointUrl } = environment
  const client = new sdk.EC2Client({
    region: environment.Region,
    endpoint: endpointUrl,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  })
  const imageId = await importEmptyDisk(lab)
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  const snapshotId = images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
  return { lab, endpointUrl, key: { accessKeyId, secretAccessKey }, client, imageId, snapshotId }
}

/** A disk with a boot sector and nothing else in it. */
async function importEmptyDisk(lab: Lab): Promise<string> {
  const path = join(lab.home, 'empty.raw')
  await writeIdleDisk(path)
  const { TaskId: taskId } = await lab.call('KilnImportImage', { Source: path, Name: 'empty' })
  return await waitForImage(lab, taskId)
}

/** Calls an operation of the model through the SDK; answers how it was refused, or undefined when it was done. */
export async function refusalOfSdk(api: ApiLab, name: string, input: object): Promise<Refusal | undefined> {
  const commands = sdk as unknown as Record<string, new (input: object) => sdk.DescribeInstancesCommand>
  const Command = commands[`${name}Command`]
  if (!Command) throw new Error(`the SDK has no ${name}`)
  try {
    await api.client.send(new Command(input))
    return undefined
  } catch (error) {
    if (error instanceof sdk.EC2ServiceException) return { code: error.name, message: error.message }
    throw error
  }
}

/** The same through the unix socket. */
export async function refusalOfSocket(api: ApiLab, name: string, input: object): Promise<Refusal | undefined> {
  try {
    await api.lab.call(name as OperationName, input)
    return undefined
  } catch (error) {
    const [, text = ''] = /^\w+: (\{.*\})/s.exec(error instanceof Error ? error.message : '') ?? []
    const { Code: code, Message: message } = JSON.parse(text) as { Code: string; Message: string }
    return { code, message }
  }
}

/** All that an account has, as its Describe operations tell it. */
export async function takeInventory({ lab }: ApiLab): Promise<object> {
  return {
    instances: (await lab.call('DescribeInstances', {})).Reservations,
    images: (await lab.call('DescribeImages', {})).Images,
    snapshots: (await lab.call('DescribeSnapshots', {})).Snapshots,
    volumes: (await lab.call('DescribeVolumes', {})).Volumes,
    keyPairs: (await lab.call('DescribeKeyPairs', {})).KeyPairs,
    groups: (await lab.call('DescribeSecurityGroups', {})).SecurityGroups,
    tags: (await lab.call('DescribeTags', {})).Tags,
    subnets: (await lab.call('DescribeSubnets', {})).Subnets,
    schedules: (await lab.call('KilnDescribeSchedules', {})).Schedules,
    tasks: (await lab.call('KilnDescribeTasks', {})).Tasks,
    events: (await lab.call('KilnDescribeEvents', {})).Events,
  }
}

/** An instance as DescribeInstances tells of it. Throws when it is not there. */
export async function describeInstance({ lab }: ApiLab, id: string) {
  const { Reservations: found } = await lab.call('DescribeInstances', { InstanceIds: [id] })
  const instance = found?.[0]?.Instances?.[0]
  if (!instance) throw new Error(`${id} is not there`)
  return instance
}

/** Waits until an instance is in a state. */
export async function waitForState({ lab }: ApiLab, instanceId: string, state: string): Promise<void> {
  await until(async () => {
    const { Reservations: found } = await lab.call('DescribeInstances', { InstanceIds: [instanceId] })
    return found?.[0]?.Instances?.[0]?.State?.Name === state
  })
}

/** Launches one small instance; answers its id. */
export async function launchOne(api: ApiLab): Promise<string> {
  const { Instances: instances } = await api.lab.call('RunInstances', {
    ImageId: api.imageId,
    InstanceType: 't3.nano',
    MinCount: 1,
    MaxCount: 1,
  })
  return instances?.[0]?.InstanceId ?? ''
}
