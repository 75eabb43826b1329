import type {
  DeleteLaunchTemplateVersionsResponseErrorItem,
  DeleteLaunchTemplateVersionsResponseSuccessItem,
} from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { describeTemplate } from './describe-template.ts'
import { findTemplate, findVersion, type LaunchTemplateRecord, versionIdOf } from './launch-template.ts'

/** EC2 deletes up to so many versions a call. */
const maximumDeletions = 200

/** Sets the version that is used where none is named. */
export function modifyLaunchTemplate({ store }: Domain): Ec2Mutation<'ModifyLaunchTemplate'> {
  return {
    kind: 'mutation',
    parameters: ['LaunchTemplateId', 'LaunchTemplateName', 'DefaultVersion', 'ClientToken'],
    apply: (context, input) => {
      const template = findTemplate(store, context, input)
      if (input.DefaultVersion === undefined) throw missingParameter('DefaultVersion')
      const { number } = findVersion(store, template, input.DefaultVersion)
      const changed = { ...template, defaultVersion: number }
      store.launchTemplates.replace(changed)
      return { LaunchTemplate: describeTemplate(store, changed) }
    },
  }
}

/** Deletes a template with all its versions; instances launched by it go on. */
export function deleteLaunchTemplate({ store }: Domain): Ec2Mutation<'DeleteLaunchTemplate'> {
  return {
    kind: 'mutation',
    parameters: ['LaunchTemplateId', 'LaunchTemplateName'],
    apply: (context, input) => {
      const template = findTemplate(store, context, input)
      const described = describeTemplate(store, template)
      for (const { id } of store.launchTemplateVersions.listBy('templateId', template.id)) {
        store.launchTemplateVersions.remove(id)
      }
      store.launchTemplates.remove(template.id)
      store.tags.removeAll(template.id)
      return { LaunchTemplate: described }
    },
  }
}

/** Deletes versions one by one and tells which went and which did not: the default one stays. */
export function deleteLaunchTemplateVersions({ store }: Domain): Ec2Mutation<'DeleteLaunchTemplateVersions'> {
  return {
    kind: 'mutation',
    parameters: ['LaunchTemplateId', 'LaunchTemplateName', 'Versions'],
    apply: (context, input) => {
      const template = findTemplate(store, context, input)
      const deleted: DeleteLaunchTemplateVersionsResponseSuccessItem[] = []
      const refused: DeleteLaunchTemplateVersionsResponseErrorItem[] = []
      for (const number of readNumbers(input.Versions)) {
        const item = {
          LaunchTemplateId: template.id,
          LaunchTemplateName: template.name,
          VersionNumber: number,
        }
        const why = refusalOf(template, number, (id) => store.launchTemplateVersions.find(id) !== undefined)
        if (why) refused.push({ ...item, ResponseError: why })
        else {
          store.launchTemplateVersions.remove(versionIdOf(template.id, number))
          deleted.push(item)
        }
      }
      const numbers = store.launchTemplateVersions.listBy('templateId', template.id).map(({ number }) => number)
      store.launchTemplates.replace({ ...template, latestVersion: Math.max(...numbers) })
      return {
        SuccessfullyDeletedLaunchTemplateVersions: deleted,
        UnsuccessfullyDeletedLaunchTemplateVersions: refused,
      }
    },
  }
}

function readNumbers(versions: readonly string[] = []): number[] {
  if (versions.length > maximumDeletions) {
    throw new Ec2Error('InvalidParameterValue', `At most ${maximumDeletions} versions can be deleted by one request.`)
  }
  return [...new Set(versions)].map((text) => {
    if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
    throw new Ec2Error(
      'InvalidLaunchTemplateVersion.Malformed',
      `The launch template version '${text.slice(0, 80)}' is malformed. Versions are deleted by their numbers.`,
    )
  })
}

function refusalOf(
  template: LaunchTemplateRecord,
  number: number,
  isThere: (id: string) => boolean,
): DeleteLaunchTemplateVersionsResponseErrorItem['ResponseError'] {
  if (!isThere(versionIdOf(template.id, number))) {
    return {
      Code: 'launchTemplateVersionDoesNotExist',
      Message: `The specified launch template version ${number} of ${template.id} does not exist.`,
    }
  }
  if (number !== template.defaultVersion) return undefined
  return {
    Code: 'unexpectedError',
    Message: `Version ${number} is the default version of ${template.id}: make another one the default before deleting it.`,
  }
}
