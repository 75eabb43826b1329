import { type Lab, until } from '../lab.ts'
import type { Servers } from '../servers.ts'

/** An image of a lab with its warm templates. */
export interface WarmImage {
  readonly imageId: string
  /** Turns Fast Launch on, with a template for each of the types. */
  warm(...instanceTypes: string[]): Promise<void>
  /** Resolves with the id of the template of a type once it is ready. */
  waitForTemplate(instanceType: string): Promise<string>
  /** Resolves with the id that the next launch will have, whose machine waits for it. */
  waitForPooled(): Promise<string>
  /** How an instance's machine came to run: a template's id, or `booted` with why. */
  wayOf(instanceId: string): Promise<string>
}

export function warmImage(lab: Lab, imageId: string): WarmImage {
  async function findTemplate(instanceType: string): Promise<string | undefined> {
    const { Templates: templates, Images: images } = await lab.call('KilnDescribeTemplates', { ImageIds: [imageId] })
    const [image] = images
    if (image?.State.endsWith('failed')) throw new Error(`Fast Launch: ${image.StateTransitionReason}`)
    return templates.find((own) => own.State === 'ready' && own.InstanceType === instanceType)?.TemplateId
  }

  return {
    imageId,
    warm: async (...InstanceTypes) => {
      await lab.call('KilnWarmImage', { ImageId: imageId, InstanceTypes })
    },
    waitForTemplate: async (instanceType) => {
      let found: string | undefined
      await until(async () => (found = await findTemplate(instanceType)) !== undefined)
      return found ?? ''
    },
    waitForPooled: async () => {
      let pooled: string | undefined
      await until(async () => {
        const { Templates: templates } = await lab.call('KilnDescribeTemplates', { ImageIds: [imageId] })
        return (pooled = templates.flatMap(({ PooledInstanceIds: ids }) => ids)[0]) !== undefined
      })
      return pooled ?? ''
    },
    wayOf: async (InstanceId) => {
      const { BootWay: way } = await lab.call('KilnDescribeInstance', { InstanceId })
      if (way?.Kind === 'template') return way.TemplateId
      return `booted ${way?.Reason ?? ''}`.trim()
    },
  }
}

/** A script of user data that leaves a line for each time that it has run, with the instance that it ran in. */
export const countingUserData = Buffer.from(
  [
    '#!/bin/sh',
    'id=$(wget -qO- http://169.254.169.254/latest/meta-data/instance-id)',
    'echo "$id" >>/var/lib/user-data-runs',
  ].join('\n'),
).toString('base64')

/** What makes a nano server one of its own, as it tells it itself: one secret or name a line. */
const ownThings = [
  'cat /proc/sys/kernel/random/boot_id',
  'cat /etc/machine-id',
  'hostname',
  'cat /sys/class/net/eth0/address',
  "ip -4 -o addr show eth0 | awk '{print $4}'",
  'dd if=/dev/urandom bs=16 count=1 2>/dev/null | md5sum',
  'sudo cat /var/lib/user-data-runs',
  'sudo dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh-ed25519 | cut -d" " -f2',
  'wget -qO- http://169.254.169.254/latest/meta-data/instance-id; echo',
] as const

/** All of it, by server; each server has as many lines. */
export async function readIdentities(servers: Servers, ids: readonly string[]): Promise<string[][]> {
  const found: string[][] = []
  for (const id of ids) found.push((await servers.run(id, ownThings.join('; '))).trim().split('\n'))
  return found
}

/** How many things each server tells of itself. */
export const ownThingCount = ownThings.length
