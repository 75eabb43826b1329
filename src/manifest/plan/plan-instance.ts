import { fastLaunchTag } from '../../ec2/fast-launch/fast-launch-tag.ts'
import { instanceAddress, type Lab, type LabInstance } from '../lab.ts'
import { type ObservedInstance, tagOf } from '../observed.ts'
import { compareGroups, compareProtection, compareTags, difference, findFatalDifferences } from './compare-instance.ts'
import { beforeLaunchIn } from './plan-network.ts'
import { describeLaunch, type LaunchInput, launchOf } from './launch.ts'
import { type Detail, type InstanceChanges, type Launch, operationId, type PlanDraft } from './plan.ts'

export interface InstancePlanInput extends LaunchInput {
  /** Keys of key pairs that are replaced. */
  readonly replacedKeyPairs: ReadonlySet<string>
}

/** Addresses of the instances that a plan makes, and of all that it lets boot. */
export interface PlannedBoots {
  readonly launched: ReadonlySet<string>
  readonly booting: ReadonlySet<string>
}

type Outcome = 'launched' | 'restarted' | 'kept'

/** Plans the instances. */
export function planInstances(draft: PlanDraft, input: InstancePlanInput): PlannedBoots {
  const { lab, observed } = input
  const launched = new Set<string>()
  const booting = new Set<string>()
  const present = new Map<string, ObservedInstance>()
  const surplus: ObservedInstance[] = []
  const wanted = new Set([...lab.instances.keys()].flatMap((key) => addressesOf(lab, key)))
  for (const instance of observed.instances) {
    if (instance.record.State?.Name === 'shutting-down') continue
    if (!wanted.has(instance.address) || present.has(instance.address)) surplus.push(instance)
    else present.set(instance.address, instance)
  }
  for (const [address, { record }] of present) draft.known.set(address, record.InstanceId ?? '')
  for (const instance of lab.instances.values()) {
    for (let index = 0; index < instance.count; index++) {
      const address = instanceAddress(instance.key, index)
      const outcome = planInstance(draft, input, instance, index, present.get(address))
      if (outcome === 'launched') launched.add(address)
      if (outcome !== 'kept') booting.add(address)
    }
  }
  for (const instance of surplus) planTermination(draft, instance)
  return { launched, booting }
}

function planInstance(
  draft: PlanDraft,
  input: InstancePlanInput,
  instance: LabInstance,
  index: number,
  found: ObservedInstance | undefined,
): Outcome {
  const launch = launchOf(input, instance, index)
  const { address } = launch
  if (!found) {
    pushLaunch(draft, input.lab, instance, launch)
    draft.changes.push({ address, action: 'create', details: describeLaunch(input.lab, instance, launch) })
    return 'launched'
  }
  const id = found.record.InstanceId ?? ''
  const fatal = findFatalDifferences(input, instance, found)
  if (fatal.length > 0) {
    if (found.disableApiTermination && instance.disableApiTermination) draft.refusals.push(refuseProtected(address, id))
    if (found.disableApiTermination) pushChange(draft, address, id, { disableApiTermination: false })
    pushTermination(draft, found)
    pushLaunch(draft, input.lab, instance, launch)
    draft.changes.push({ address, action: 'replace', id, details: fatal })
    return 'launched'
  }
  return planChanges(draft, input.lab, instance, launch, found)
}

function pushLaunch(draft: PlanDraft, lab: Lab, instance: LabInstance, launch: Launch): void {
  const image = lab.images.get(instance.image)?.name ?? ''
  const groups = instance.securityGroups.map((key) => lab.securityGroups.get(key)?.name ?? '')
  draft.operations.push({
    kind: 'launch-instance',
    id: operationId.launch(launch.address),
    launch,
    after: [
      operationId.makeImage(image),
      operationId.warmImage(launch.image),
      operationId.putVpc,
      ...beforeLaunchIn(lab.network, instance.subnet),
      ...(launch.keyName ? [operationId.createKeyPair(launch.keyName)] : []),
      ...groups.flatMap((name) => [operationId.createGroup(name), operationId.changeRules(name)]),
      ...[...instance.dependsOn].flatMap(([key, goal]) =>
        addressesOf(lab, key).flatMap((address) => [operationId.launch(address), operationId.await(address, goal)]),
      ),
      ...(draft.known.has(launch.address)
        ? [operationId.terminate(launch.address, draft.known.get(launch.address) ?? '')]
        : []),
    ],
  })
}

/** The addresses of all instances of a key. */
export function addressesOf(lab: Lab, key: string): string[] {
  const count = lab.instances.get(key)?.count ?? 0
  return Array.from({ length: count }, (_, index) => instanceAddress(key, index))
}

/** Plans what changes in place. */
function planChanges(
  draft: PlanDraft,
  lab: Lab,
  instance: LabInstance,
  launch: Launch,
  found: ObservedInstance,
): Outcome {
  const { address } = launch
  const id = found.record.InstanceId ?? ''
  const details: Detail[] = []
  const isRunning = ['pending', 'running'].includes(found.record.State?.Name ?? '')
  if (found.record.InstanceType !== launch.type) {
    const note = isRunning ? 'stops and starts the instance' : undefined
    details.push({ ...difference('type', found.record.InstanceType, launch.type), ...(note ? { note } : {}) })
    draft.operations.push({
      kind: 'change-type',
      id: operationId.changeType(address),
      instanceId: id,
      type: launch.type,
      isRunning,
      after: [operationId.change(address)],
    })
  }
  // How a server was launched cannot be changed, and makes no difference any more.
  const { [fastLaunchTag]: _way, ...tags } = launch.tags
  const changes = compareTags(found, tags, details)
  const groups = compareGroups(lab, instance, found, details)
  const protection = compareProtection(launch, found, details)
  if (Object.keys(changes).length > 0 || groups || Object.keys(protection).length > 0) {
    pushChange(
      draft,
      address,
      id,
      { ...changes, ...protection, ...(groups ? { groups: groups.addresses } : {}) },
      groups?.names.map(operationId.createGroup),
    )
  }
  if (details.length > 0) draft.changes.push({ address, action: 'update', id, details })
  return isRunning && found.record.InstanceType !== launch.type ? 'restarted' : 'kept'
}

function pushChange(
  draft: PlanDraft,
  address: string,
  instanceId: string,
  changes: Partial<InstanceChanges>,
  after: readonly string[] = [],
): void {
  draft.operations.push({
    kind: 'change-instance',
    id: operationId.change(address),
    instanceId,
    putTags: {},
    removeTags: [],
    ...changes,
    after,
  })
}

/** Plans that an instance goes. */
export function planTermination(draft: PlanDraft, found: ObservedInstance): void {
  const id = found.record.InstanceId ?? ''
  if (found.disableApiTermination) draft.refusals.push(refuseProtected(found.address, id))
  const name = tagOf(found.record, 'Name')
  draft.changes.push({
    address: found.address,
    action: 'delete',
    id,
    details: name === undefined ? [] : [{ name: 'name', old: name }],
  })
  pushTermination(draft, found)
}

function pushTermination(draft: PlanDraft, found: ObservedInstance): void {
  const instanceId = found.record.InstanceId ?? ''
  draft.operations.push({
    kind: 'terminate-instance',
    id: operationId.terminate(found.address, instanceId),
    instanceId,
    after: [operationId.change(found.address)],
  })
}

function refuseProtected(address: string, instanceId: string): string {
  return `${address} (${instanceId}) is protected from termination: set disableApiTermination to false and apply that first.`
}
