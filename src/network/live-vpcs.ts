import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { removeHalfWritten } from '../host/files.ts'
import { isProcessAlive } from '../host/process-table.ts'
import { type CommonUserNamespace, createCommonUserNamespace, type UserNamespaceKey } from './common-user-namespace.ts'
import { createLiveVpc, type LiveVpc, type LiveVpcDependencies } from './live-vpc.ts'
import type { NamespaceBroker } from './namespace-broker.ts'
import { createNamespace, describeNamespace, rescueNamespace } from './namespace.ts'
import {
  commonDirectory,
  endProcess,
  findMachinesOnTaps,
  findVpcProcesses,
  type VpcProcesses,
} from './vpc-processes.ts'

/** The VPCs that have a namespace: made with their first machine, found again after a crash, ended when nobody needs them. */
export interface LiveVpcs {
  readonly common: Pick<CommonUserNamespace, 'use'>
  find(vpcId: string): LiveVpc | undefined
  list(): LiveVpc[]
  /** Throws for a VPC that has none. */
  require(vpcId: string): LiveVpc
  /** Asks a VPC's helper, and the next one when the VPC was given another namespace holder meanwhile. Throws for a VPC that has none. */
  ask<T>(vpcId: string, question: (broker: NamespaceBroker) => Promise<T>): Promise<T>
  /** The VPC's, which is made where there is none; one whose holder died gets another, where anybody lives in it still. */
  ensure(vpc: VpcNetwork): Promise<LiveVpc>
  /** It is not there for others any more; answers what is to be ended. */
  release(vpcId: string): LiveVpc | undefined
  /** Ends what was released, and whatever else is left of the VPC. */
  end(vpcId: string, released: LiveVpc | undefined): Promise<void>
  /** Takes over what an earlier daemon left of those VPCs, and ends what it left of others. */
  adopt(vpcIds: ReadonlySet<string>): Promise<void>
  /** The user namespace that all are nested in goes when none is left. */
  endCommonUnlessUsed(): Promise<void>
}

export function createLiveVpcs(dependencies: LiveVpcDependencies): LiveVpcs {
  const { clock, log, networksDirectory } = dependencies
  const live = new Map<string, LiveVpc>()
  /** VPCs with machines whose namespace's holder had died before this daemon came, with what else lived there. */
  const abandoned = new Map<string, VpcProcesses>()
  const common = createCommonUserNamespace(dependencies, () =>
    [...live.values()].map(({ namespace }) => namespace.holder),
  )

  async function ensure(vpc: VpcNetwork): Promise<LiveVpc> {
    const present = live.get(vpc.id)
    if (present && (await isProcessAlive(present.namespace.holder))) return present
    return await common.use(async (key) => {
      const left = abandoned.get(vpc.id)
      const rescued = present || left ? await rescue(vpc, present, left, key) : undefined
      const taken = rescued ?? createLiveVpc(dependencies, await createNamespace(dependencies, vpc.id, key))
      live.set(vpc.id, taken)
      abandoned.delete(vpc.id)
      return taken
    })
  }

  /** The machines of a namespace whose holder died still live in it, and by them it is found again. */
  async function rescue(
    vpc: VpcNetwork,
    present: LiveVpc | undefined,
    left: VpcProcesses | undefined,
    key: UserNamespaceKey,
  ): Promise<LiveVpc | undefined> {
    log.error({ vpcId: vpc.id }, 'the holder of a namespace died')
    const inhabitants = [
      ...(present?.inhabitants() ?? []),
      ...(left?.dnsmasq ? [left.dnsmasq] : []),
      ...(await findMachinesOnTaps(vpc.interfaces.map(({ tapName }) => tapName))),
    ]
    const namespace = await rescueNamespace(dependencies, vpc.id, inhabitants, key)
    if (!namespace) {
      if (present) await present.end()
      await endAll(left)
      return undefined
    }
    log.warn({ vpcId: vpc.id }, 'the namespace has a new holder; its machines keep their network')
    const found = (await findVpcProcesses(networksDirectory)).get(vpc.id)
    const rescued = createLiveVpc(dependencies, namespace, found)
    // Whoever is asking by the old one finds this instead.
    live.set(vpc.id, rescued)
    present?.leave()
    return rescued
  }

  function require(vpcId: string): LiveVpc {
    const found = live.get(vpcId)
    if (!found) throw new Error(`the VPC ${vpcId} has no network: no machine of it runs`)
    return found
  }

  async function ask<T>(vpcId: string, question: (broker: NamespaceBroker) => Promise<T>): Promise<T> {
    for (;;) {
      const { broker } = require(vpcId)
      try {
        return await question(broker)
      } catch (error) {
        if (live.get(vpcId)?.broker === broker) throw error
      }
    }
  }

  async function endCommonUnlessUsed(): Promise<void> {
    if (live.size === 0 && abandoned.size === 0) await common.end()
  }

  async function endAll(left: VpcProcesses | undefined): Promise<void> {
    if (!left) return
    const { pasta, dnsmasq, holder, natHolders, others } = left
    if (pasta) await endProcess(clock, pasta, 'SIGTERM')
    for (const stray of [dnsmasq, holder, ...(natHolders?.values() ?? []), ...others])
      if (stray) await endProcess(clock, stray, 'SIGKILL')
  }

  async function adopt(vpcIds: ReadonlySet<string>): Promise<void> {
    const found = await findVpcProcesses(networksDirectory)
    await fsExtra.ensureDir(networksDirectory)
    const names = new Set([...found.keys(), ...(await fsExtra.readdir(networksDirectory))])
    names.delete(commonDirectory)
    const shared = found.get(commonDirectory)
    common.adopt(shared?.holder)
    await endAll({ others: shared?.others ?? [] })
    for (const name of names) {
      const left = found.get(name)
      // The directory may not be there: its holder's file was to come.
      await removeHalfWritten(join(networksDirectory, name)).catch(() => undefined)
      if (!vpcIds.has(name)) {
        await endAll(left)
        await fsExtra.remove(join(networksDirectory, name))
      } else if (left?.holder) {
        await endAll({ others: left.others })
        live.set(name, createLiveVpc(dependencies, await describeNamespace(networksDirectory, name, left.holder), left))
      } else abandoned.set(name, left ?? { others: [] })
    }
    await endCommonUnlessUsed()
  }

  return {
    common,
    find: (vpcId) => live.get(vpcId),
    list: () => [...live.values()],
    require,
    ask,
    ensure,
    release: (vpcId) => {
      const present = live.get(vpcId)
      live.delete(vpcId)
      return present
    },
    end: async (vpcId, released) => {
      if (released) await released.end()
      await endAll(abandoned.get(vpcId))
      abandoned.delete(vpcId)
      await fsExtra.remove(join(networksDirectory, vpcId))
      await endCommonUnlessUsed()
    },
    adopt,
    endCommonUnlessUsed,
  }
}
