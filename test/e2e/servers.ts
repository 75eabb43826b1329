import type { Instance } from '@aws-sdk/client-ec2'
import type { Jsonified, OperationInput } from '../../src/api/contract.ts'
import type { BootStageName } from '../../src/api/kiln/instance.ts'
import { waitForBootStage } from './boot-stage.ts'
import { type Lab, until } from './lab.ts'

/** Servers of a lab that a test can log in to: a key pair, a group that lets SSH in, and what tests ask again and again. */
export interface Servers {
  readonly keyFile: string
  readonly groupId: string
  /** Launches instances of an image; answers their ids. What is asked for over and above goes into `more`. */
  launch(imageId: string, more?: Partial<OperationInput<'RunInstances'>>): Promise<string[]>
  describe(id: string): Promise<Jsonified<Instance>>
  waitForState(id: string, state: string): Promise<void>
  waitForStage(id: string, stage: BootStageName): Promise<void>
  /** Runs a command in it over SSH at its public address. */
  run(id: string, command: string): Promise<string>
}

/** Makes the key pair and the group in the lab's default region. */
export async function prepareServers(lab: Lab, loginUser = 'ec2-user'): Promise<Servers> {
  const { KeyMaterial: material = '' } = await lab.call('CreateKeyPair', { KeyName: 'servers', KeyType: 'ed25519' })
  const keyFile = await lab.saveKey('servers', material)
  const { GroupId: groupId = '' } = await lab.call('CreateSecurityGroup', {
    GroupName: 'servers',
    Description: 'SSH from the host',
  })
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: groupId,
    IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  })

  async function describe(id: string): Promise<Jsonified<Instance>> {
    const { Reservations: reservations } = await lab.call('DescribeInstances', { InstanceIds: [id] })
    const found = reservations?.[0]?.Instances?.[0]
    if (!found) throw new Error(`${id} is not there`)
    return found
  }

  return {
    keyFile,
    groupId,
    launch: async (imageId, more = {}) => {
      const answer = await lab.call('RunInstances', {
        ImageId: imageId,
        // With one processor: under TCG a second one makes a boot no faster, and costs.
        InstanceType: 't2.nano',
        MinCount: 1,
        MaxCount: 1,
        KeyName: 'servers',
        SecurityGroupIds: [groupId],
        ...more,
      })
      return (answer.Instances ?? []).map(({ InstanceId: id = '' }) => id)
    },
    describe,
    waitForState: async (id, state) => await until(async () => (await describe(id)).State?.Name === state),
    waitForStage: async (id, stage) => await waitForBootStage(lab, id, stage),
    run: async (id, command) => await lab.ssh((await describe(id)).PublicIpAddress ?? '', loginUser, keyFile, command),
  }
}
