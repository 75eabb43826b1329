import { join } from 'node:path'
import { templateFile } from '../../host/state-paths.ts'
import type { Domain } from '../../ec2/domain.ts'
import type { FastLaunchRecord, WarmTemplateRecord } from '../../ec2/fast-launch/fast-launch.ts'
import { turnOn } from '../../ec2/fast-launch/turn-on.ts'
import { chooseWarmTypes, findWarmableImage } from '../../ec2/fast-launch/warmable-image.ts'
import { findAll } from '../../ec2/ids.ts'
import { visibleImages } from '../../ec2/image/visible-image.ts'
import { layerPathOf } from '../../ec2/volume/volume.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import type { TemplateDescription, WarmImageDescription } from '../kiln/fast-launch.ts'
import { mutation, query } from '../kiln-operation.ts'

/** Warm templates: asked for by type and depth, and told of with what they cost. */
export function kilnFastLaunchOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  const { store } = domain
  return {
    KilnWarmImage: mutation('KilnWarmImage', (context, { ImageId, InstanceTypes: types = [], Depth: depth }) => {
      const image = findWarmableImage(domain, context, ImageId)
      const hasTypes = (store.fastLaunches.get(context, image.id)?.instanceTypes ?? []).length > 0
      const instanceTypes = types.length === 0 && hasTypes ? [] : chooseWarmTypes(domain, image, types)
      return describeWarmImage(turnOn(domain, context, { image, instanceTypes, depth }))
    }),
    KilnDescribeTemplates: query('KilnDescribeTemplates', async (context, { ImageIds: ids }) => {
      findAll('ami', ids ?? [], (id) => visibleImages(store).get(context, id))
      const isAskedFor = (imageId: string) => ids?.includes(imageId) ?? true
      return {
        Images: store.fastLaunches
          .list(context)
          .filter(({ id }) => isAskedFor(id))
          .map(describeWarmImage),
        Templates: await Promise.all(
          store.warmTemplates
            .list(context)
            .filter(({ imageId }) => isAskedFor(imageId))
            .map((template) => describeTemplate(domain, kiln, template)),
        ),
      }
    }),
  }
}

function describeWarmImage(record: FastLaunchRecord): WarmImageDescription {
  return {
    ImageId: record.id,
    State: record.state,
    StateTransitionReason: record.stateReason,
    StateTransitionTime: record.stateTime,
    Depth: record.depth,
    InstanceTypes: [...record.instanceTypes],
  }
}

async function describeTemplate(
  { paths, clonePool }: Domain,
  { disks }: KilnDependencies,
  template: WarmTemplateRecord,
): Promise<TemplateDescription> {
  const { id, warm } = template
  const sizeOf = async (path: string) => await disks.allocatedBytes(path).catch(() => 0)
  return {
    TemplateId: id,
    ImageId: template.imageId,
    InstanceType: template.instanceType,
    Depth: template.depth,
    State: template.state,
    CreateTime: template.createdAt,
    Shape: template.shape,
    PooledInstanceIds: clonePool.waiting(id),
    ...(warm
      ? {
          DiskBytes: await sizeOf(layerPathOf(paths, warm.layerId)),
          MemoryBytes: await sizeOf(join(paths.templates, id, templateFile.memory)),
          DevicesBytes: await sizeOf(join(paths.templates, id, templateFile.devices)),
          MemoryMib: Math.round(warm.memory.sizeBytes / 1024 ** 2),
          MadeInSeconds: warm.madeInSeconds,
          UseCount: warm.useCount,
          ...(warm.usedAt === undefined ? {} : { LastUseTime: warm.usedAt }),
        }
      : {}),
  }
}
