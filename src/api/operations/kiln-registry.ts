import type { Domain } from '../../ec2/domain.ts'
import { refuseTakenImageName, requireImageName } from '../../ec2/image/image-name.ts'
import { requireQuotasOfDiskImage } from '../../ec2/image/new-image.ts'
import { findVisibleImage, requireAvailableImage } from '../../ec2/image/visible-image.ts'
import { formatReference, parseReference, requireRegistryHost } from '../../ec2/registry/reference.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, query } from '../kiln-operation.ts'
import { startTask } from './kiln-task.ts'

/** Images to registries and from them. Logins and keys are the daemon owner's, whatever the account. */
export function kilnRegistryOperations(domain: Domain): Record<string, AnyOperation> {
  const { store, registryWork } = domain
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
