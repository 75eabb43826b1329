import type { Domain } from '../../ec2/domain.ts'
import { readBootSettings } from '../../ec2/image/boot-settings.ts'
import { requireFreeImageName, requireImageName } from '../../ec2/image/image-name.ts'
import { imageTag } from '../../ec2/image/image-tag.ts'
import { requireQuotasOfDiskImage } from '../../ec2/image/new-image.ts'
import type { CallContext } from '../../ec2/operation.ts'
import { isObjectUrl, readObjectUrl } from '../../ec2/transfer/object-url.ts'
import { requireObjectPlace } from '../../ec2/transfer/require-bucket.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'
import { startTask } from './kiln-task.ts'

/** Images: built of recipes, pulled from the catalogue, imported from files and buckets. */
export function kilnImageOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  const requireQuota = (context: CallContext) =>
    requireQuotasOfDiskImage({ store: domain.store, quotas: domain.settings.quotas }, context)
  return {
    KilnDescribeRecipes: query('KilnDescribeRecipes', async () => ({
      Recipes: (await kiln.builder.listRecipes()).map(({ name, description, architectures }) => ({
        Name: name,
        Description: description,
        Architectures: [...architectures],
      })),
    })),
    KilnDescribeCatalog: query('KilnDescribeCatalog', (context) => describeCatalog(domain, kiln, context)),
    KilnBuildImage: mutation('KilnBuildImage', (context, input) => {
      if (input.Name !== undefined) requireFreeImageName(domain.store, context, input.Name)
      readBootSettings(input.Architecture ?? 'x86_64', { BootMode: input.BootMode })
      requireQuota(context)
      return startTask(domain, context, 'build-image', input.Recipe, (job) =>
        domain.imageWork.build(
          context,
          { recipe: input.Recipe, name: input.Name, architecture: input.Architecture, bootMode: input.BootMode },
          job,
        ),
      )
    }),
    KilnPullImage: mutation('KilnPullImage', (context, input) => {
      const { name: catalogName } = kiln.catalog.find(input.CatalogName, input.Architecture)
      if (input.Name !== undefined) requireImageName(input.Name)
      requireQuota(context)
      return startTask(domain, context, 'pull-image', catalogName, (job) =>
        domain.imageWork.pull(context, { catalogName, name: input.Name }, job),
      )
    }),
    KilnImportImage: mutation('KilnImportImage', (context, input) => {
      requireFreeImageName(domain.store, context, input.Name)
      readBootSettings(input.Architecture ?? 'x86_64', { BootMode: input.BootMode })
      if (isObjectUrl(input.Source)) requireObjectPlace(domain, context, readObjectUrl(input.Source))
      requireQuota(context)
      return startTask(domain, context, 'import-image', input.Source, (job) =>
        domain.imageWork.import(
          context,
          {
            source: input.Source,
            name: input.Name,
            description: input.Description,
            architecture: input.Architecture,
            bootMode: input.BootMode,
            checksum: input.Checksum,
            loginUser: input.LoginUser,
          },
          job,
        ),
      )
    }),
  }
}

function describeCatalog(
  { store }: Domain,
  kiln: KilnDependencies,
  context: CallContext,
): KilnOutputs['KilnDescribeCatalog'] {
  const pulled = new Map<string, string>()
  for (const { id, state } of store.images.list(context)) {
    const name = store.tags.of(id).find(({ key }) => key === imageTag.catalog)?.value
    if (state === 'available' && name !== undefined) pulled.set(name, id)
  }
  return {
    Entries: kiln.catalog.list().map(({ name, description, architecture, url, loginUser }) => {
      const imageId = pulled.get(name)
      return {
        Name: name,
        Description: description,
        Architecture: architecture,
        Url: url,
        LoginUser: loginUser,
        ...(imageId === undefined ? {} : { ImageId: imageId }),
      }
    }),
  }
}
