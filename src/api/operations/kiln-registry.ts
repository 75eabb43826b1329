import type { Domain } from '../../ec2/domain.ts'
import { deregisterImage } from '../../ec2/image/deregister-image.ts'
import { refuseTakenImageName, requireImageName } from '../../ec2/image/image-name.ts'
import { requireQuotasOfDiskImage } from '../../ec2/image/new-image.ts'
import { findVisibleImage, requireAvailableImage } from '../../ec2/image/visible-image.ts'
import { type CommunityImage, requireForeign, requirePublished } from '../../ec2/registry/community.ts'
import { formatReference, parseReference, requireRegistryHost } from '../../ec2/registry/reference.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { CommunityImageDescription } from '../kiln/community.ts'
import { startTask } from './kiln-task.ts'

/** Images to registries and from them. Logins and keys are the daemon owner's, whatever the account. */
export function kilnRegistryOperations(domain: Domain): Record<string, AnyOperation> {
  const { store, registryWork, community } = domain
  return {
    KilnPushImage: mutation('KilnPushImage', (context, input) => {
      const reference = parseReference(input.Reference)
      const image = findVisibleImage(store, context, input.ImageId)
      requireAvailableImage(image)
      const signingKey = signingKeyOf(input)
      return startTask(domain, context, 'push-image', formatReference(reference), (job) =>
        registryWork.push(context, { imageId: image.id, reference, signingKey }, job),
      )
    }),
    KilnPullRegistryImage: mutation('KilnPullRegistryImage', (context, input) => {
      const reference = parseReference(input.Reference)
      if (input.Name !== undefined) requireImageName(input.Name)
      if (input.Name !== undefined) refuseTakenImageName(store, context, input.Name)
      requireQuotasOfDiskImage({ store, quotas: domain.settings.quotas }, context)
      const { Name: name, PublicKeyFile: publicKeyFile } = input
      return startTask(domain, context, 'pull-registry-image', formatReference(reference), (job) =>
        registryWork.pull(context, { reference, name, publicKeyFile }, job),
      )
    }),
    KilnPublishImage: mutation('KilnPublishImage', (context, input) => {
      community.requireConfigured()
      const { id, name } = requirePublished(store, context, input.ImageId)
      const signingKey = signingKeyOf(input)
      return startTask(domain, context, 'push-image', `community/${name}`, (job) =>
        community.publish(context, id, signingKey, job),
      )
    }),
    KilnUnpublishImage: {
      ...query('KilnUnpublishImage', async (context, input) => {
        await community.unpublish(context, input.Name, new AbortController().signal)
        return {}
      }),
      isAudited: true,
    },
    KilnDescribeCommunityImages: query('KilnDescribeCommunityImages', async (context, input) => ({
      Images: (await community.list(input.Query, new AbortController().signal)).map((image) =>
        describeCommunityImage(image, community.findHere(context, image)?.id),
      ),
    })),
    KilnPullCommunityImage: mutation('KilnPullCommunityImage', (context, input) => {
      community.requireConfigured()
      const { Name: name, OwnerId: ownerId } = input
      return startTask(domain, context, 'pull-registry-image', `community/${name}`, (job) =>
        community.pull(context, { name, ownerId }, job),
      )
    }),
    KilnForgetCommunityImage: mutation('KilnForgetCommunityImage', (context, input) => {
      const { id, accountId } = requireForeign(store, context, input.ImageId)
      deregisterImage(domain).apply(
        { ...context, accountId },
        { ImageId: id, DeleteAssociatedSnapshots: true },
        undefined,
      )
      return {}
    }),
    KilnSignRegistryImage: {
      ...query('KilnSignRegistryImage', async (_context, input) => {
        const key = { path: input.SigningKeyFile, password: input.SigningKeyPassword }
        return { Digest: await registryWork.sign(parseReference(input.Reference), key, new AbortController().signal) }
      }),
      isAudited: true,
    },
    KilnLoginToRegistry: {
      ...query('KilnLoginToRegistry', async (_context, input) => {
        const login = { username: input.Username, password: input.Password }
        await registryWork.login(requireRegistryHost(input.Host), login, new AbortController().signal)
        return {}
      }),
      isAudited: true,
    },
    KilnLogoutFromRegistry: {
      ...query('KilnLogoutFromRegistry', async (_context, input) => ({
        WasLoggedIn: await registryWork.logout(requireRegistryHost(input.Host)),
      })),
      isAudited: true,
    },
  }
}

function signingKeyOf(input: { SigningKeyFile?: string | undefined; SigningKeyPassword?: string | undefined }) {
  const { SigningKeyFile: path, SigningKeyPassword: password } = input
  return path === undefined ? undefined : { path, password }
}

function describeCommunityImage(image: CommunityImage, imageId: string | undefined): CommunityImageDescription {
  const { name, ownerId, description, architecture, creationDate, sizeBytes, digest } = image
  return {
    Name: name,
    OwnerId: ownerId,
    Digest: digest,
    ...(description === undefined ? {} : { Description: description }),
    ...(architecture === undefined ? {} : { Architecture: architecture }),
    ...(creationDate === undefined ? {} : { CreationDate: creationDate }),
    ...(sizeBytes === undefined ? {} : { SizeBytes: sizeBytes }),
    ...(imageId === undefined ? {} : { ImageId: imageId }),
  }
}
