import { join } from 'node:path'
import type { OperationInput, OperationName, OperationOutput } from '../api/contract.ts'
import type { Dispatch } from '../api/dispatch.ts'
import { ownerOf } from '../ec2/access/identity.ts'
import type { AuditSource } from '../ec2/audit/audit.ts'
import type { Pipelines } from '../ec2/domain.ts'
import { createPipelineClock } from '../ec2/pipeline/pipeline-clock.ts'
import { createPipelineWorks } from '../ec2/pipeline/pipeline-works.ts'
import type { Scope } from '../ec2/ports/store.ts'
import { projectRoot } from '../host/installation.ts'
import { createGuestShells } from '../machine/guest-shell.ts'
import type { Ground } from './ground.ts'
import { packGuestPart } from './guest-part.ts'
import { createPipelineLibrary } from './pipeline-library.ts'
import type { Rooms } from './rooms.ts'

/** Pipelines: what there is of them, their builds and their clocks. Builds call operations as any client does. */
export function createPipelineRoom(ground: Ground, { network, images }: Rooms, dispatch: Dispatch): Pipelines {
  const { store, clock, random, paths, events, log, configuration } = ground
  const library = createPipelineLibrary({ store, directories: [join(projectRoot, 'images'), paths.images] })

  async function callAs<Name extends OperationName>(
    kind: AuditSource['kind'],
    { accountId, region }: Scope,
    name: Name,
    input: OperationInput<Name>,
  ): Promise<OperationOutput<Name>> {
    const caller = { accountId, region, identity: ownerOf(accountId), source: { kind }, requestId: random.uuid() }
    return (await dispatch(caller, name, { ...input })) as OperationOutput<Name>
  }

  const works = createPipelineWorks({
    store,
    clock,
    paths,
    log,
    call: (scope, name, input) => callAs('pipeline', scope, name, input),
    shells: createGuestShells({
      // What a crash interrupts must not go on.
      processes: ground.diskProcesses,
      dial: (vpcId, host, port, signal) => network.network.dial(vpcId, host, port, signal),
    }),
    imageWork: images.imageWork,
    tasks: images.tasks,
    startPush: async (scope, { imageId, reference, signingKeyFile, signingKeyPassword }) => {
      const push = await callAs('pipeline', scope, 'KilnPushImage', {
        ImageId: imageId,
        Reference: reference,
        ...(signingKeyFile === undefined ? {} : { SigningKeyFile: signingKeyFile }),
        ...(signingKeyPassword === undefined ? {} : { SigningKeyPassword: signingKeyPassword }),
      })
      return push.TaskId
    },
  })
  const pipelineClock = createPipelineClock({
    store,
    clock,
    events,
    log,
    library,
    home: { accountId: configuration.account.id, region: configuration.account.defaultRegion },
    run: async (scope, name) => {
      const answer = await callAs('schedule', scope, 'KilnBuildPipeline', { Name: name, Cause: 'schedule' })
      return answer.TaskId === undefined
        ? `is unchanged since build ${answer.BuildNumber}`
        : `is built: ${answer.TaskId}`
    },
  })
  return {
    library,
    works,
    clock: pipelineClock,
    readGuestPart: () => packGuestPart(join(projectRoot, 'images/guest')),
  }
}
