import type { BootStageName } from '../../src/api/kiln/instance.ts'
import { type Lab, until } from './lab.ts'

/** Waits until a server has come to a stage of its boot; rejects, with the reason that EC2 gives, when its machine has failed. */
export async function waitForBootStage(lab: Lab, instanceId: string, stage: BootStageName): Promise<void> {
  await until(async () => {
    const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: instanceId })
    if (stages.some(({ Name, Seconds }) => Name === stage && Seconds !== undefined)) return true
    const { Reservations: reservations } = await lab.call('DescribeInstances', { InstanceIds: [instanceId] })
    const { StateReason: reason } = reservations?.[0]?.Instances?.[0] ?? {}
    if (reason?.Code === 'Server.InternalError') throw new Error(`${instanceId}: ${reason.Message}`)
    return false
  })
}
