import type { Logger } from 'pino'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { EventBus } from '../event/event-bus.ts'
import { rootDeviceOf } from '../image/root-device.ts'
import { markStage } from '../instance/boot-stage.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { IdentityWords, MachineHost } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Resumption } from '../ports/machine-state.ts'
import type { Store } from '../ports/store.ts'
import { findRootVolume } from '../root-volume-task/root-volume-task.ts'
import { makeIdentity } from './clone-identity.ts'
import type { LaunchWay, WarmTemplateRecord } from './fast-launch.ts'
import { readFastLaunchTag } from './fast-launch-tag.ts'
import { describeIdentity, describeTime } from './identity.ts'
import { templateFilesOf } from './template-files.ts'
import { describeClone } from './template-spec.ts'
import type { WarmTemplates } from './warm-templates.ts'

/** How an instance's first machine goes on from a template. */
export interface Clone {
  readonly template: WarmTemplateRecord
  readonly resumption: Resumption
  /** Of the disk as the template's machine knows it: the volume is made larger once the machine runs. */
  readonly rootSizeBytes: number
  readonly wantedBytes: number
  /** The machine, out of what the instance's records make it. */
  specOf(spec: MachineSpec): MachineSpec
  readonly words: IdentityWords
}

/** Chooses how first machines of instances come to run, and keeps the records of their disks in step with that. */
export interface Cloner {
  /** For an instance that has never run: the template that it is to go on from, its root volume standing on that; or why it boots. */
  begin(record: InstanceRecord, spec: MachineSpec): Promise<Clone | Extract<LaunchWay, { kind: 'boot' }>>
  /** It runs, and its guest knows who it is. */
  complete(instanceId: string, clone: Clone): void
  /** It came to nothing, and boots from its image instead; `why` is told. `isTemplateAtFault`: nobody else shall try with that template. */
  giveUp(instanceId: string, clone: Clone, why: string, isTemplateAtFault: boolean): void
}

const bytesPerGib = 1024 ** 3

export function createCloner(dependencies: {
  store: Store
  clock: { now(): Date }
  random: Random
  paths: StatePaths
  machines: Pick<MachineHost, 'templateShapeOf'>
  templates: WarmTemplates
  events: EventBus
  log: Logger
}): Cloner {
  const { store, clock, random, paths, machines, templates, events, log } = dependencies

  /** Whatever was written to its root volume before is of a try that came to nothing. */
  function standOn(record: InstanceRecord, layerId: string | undefined, templateId: string | undefined): void {
    store.transaction(() => {
      const volume = findRootVolume(store, record)
      const present = store.instances.find(record.id)
      if (!volume || !present?.boot) return
      const { overlay: _overlay, layerId: _layerId, ...rest } = volume
      store.volumes.replace({ ...rest, state: 'creating', ...(layerId === undefined ? {} : { layerId }) })
      const { cloning: _cloning, ...boot } = present.boot
      store.instances.replace({
        ...present,
        boot: { ...boot, ...(templateId === undefined ? {} : { cloning: templateId }) },
      })
    })
  }

  function standOnImage(record: InstanceRecord): void {
    const snapshotId = findRootVolume(store, record)?.snapshotId
    standOn(record, snapshotId === undefined ? undefined : store.snapshots.find(snapshotId)?.layerId, undefined)
  }

  /** It came to run in that way, whatever was to be tried. */
  function recordWay(instanceId: string, way: LaunchWay): void {
    store.transaction(() => {
      const present = store.instances.find(instanceId)
      if (!present?.boot) return
      const { cloning: _cloning, ...boot } = present.boot
      store.instances.replace({ ...present, boot: { ...boot, way } })
    })
  }

  async function choose(
    record: InstanceRecord,
    spec: MachineSpec,
  ): Promise<Clone | Extract<LaunchWay, { kind: 'boot' }>> {
    const image = store.images.find(record.imageId)
    if (!image || !store.fastLaunches.find(image.id)) return { kind: 'boot' }
    const choice = readFastLaunchTag(store.tags.of(record.id))
    const reason = choice === 'off' ? 'its tag kiln:fast-launch says so' : whyNot(record, spec)
    if (reason !== undefined) return { kind: 'boot', reason }
    const sample = describeClone(paths, '', spec)
    const template = await templates.take(image, record.instanceType, () => machines.templateShapeOf(sample))
    if (!template?.warm) return { kind: 'boot', reason: `there is no warm template for ${record.instanceType} yet` }
    const identity = makeIdentity({ store, random }, record, choice === 'wait-for-cloud-init' ? 'cloud-init' : 'ssh')
    if (!identity) return { kind: 'boot', reason: 'it has no network interface' }
    return {
      template,
      rootSizeBytes: store.layers.find(template.warm.layerId)?.virtualSizeBytes ?? 0,
      wantedBytes: (findRootVolume(store, record)?.sizeGib ?? 0) * bytesPerGib,
      resumption: {
        file: { path: templateFilesOf(paths, template.id).devices },
        saved: template.warm.devices,
      },
      specOf: (own) => describeClone(paths, template.id, own),
      words: {
        identity: () => describeIdentity(identity, clock.now()),
        time: () => describeTime(clock.now()),
      },
    }
  }

  /** What of an instance no template has. */
  function whyNot(record: InstanceRecord, spec: MachineSpec): string | undefined {
    const volume = findRootVolume(store, record)
    const image = store.images.find(record.imageId)
    if (!volume || !image || volume.snapshotId !== rootDeviceOf(image)?.snapshotId) {
      return 'its root volume is of another snapshot than its image'
    }
    if (volume.encryptionKeyId !== undefined) return 'its root volume is encrypted'
    if (spec.firmware) return 'it boots by UEFI, whose flash memory is its own'
    if (spec.hasTpm) return 'it has a TPM'
    if (record.cpuOptions) return 'it has CPU options of its own'
    if ((record.bridges ?? []).length > 0) return 'it has network devices on bridges of the host'
    return undefined
  }

  return {
    begin: async (record, spec) => {
      const chosen = await choose(record, spec)
      if (!('kind' in chosen)) standOn(record, chosen.template.warm?.layerId, chosen.template.id)
      else if (record.boot?.cloning !== undefined) standOnImage(record)
      return chosen
    },
    complete: (instanceId, { template }) => {
      store.transaction(() => {
        recordWay(instanceId, { kind: 'template', templateId: template.id, depth: template.depth })
        // What its boot would have passed through was passed by the template's.
        for (const stage of ['firmware', 'kernel', 'network'] as const) markStage(store, instanceId, stage, clock.now())
        // The machine has its first interface; the others are plugged in now that it runs, as further volumes are.
        for (const own of store.interfaces.listBy('attachment.instanceId', instanceId)) {
          if (!own.attachment || own.attachment.deviceIndex === 0) continue
          store.interfaces.replace({ ...own, attachment: { ...own.attachment, state: 'attaching' } })
        }
      })
    },
    giveUp: (instanceId, { template }, why, isTemplateAtFault) => {
      const message = `${instanceId} boots from its image instead of going on from ${template.id}: ${why}`
      log.warn({ instanceId, templateId: template.id, why }, 'boots instead of going on from a template')
      events.publish({ kind: 'instance-problem', resourceId: instanceId, message })
      const record = store.instances.find(instanceId)
      if (record) standOnImage(record)
      recordWay(instanceId, { kind: 'boot', reason: why })
      if (isTemplateAtFault) templates.distrust(template, why)
    },
  }
}
