import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeTemplate, describeVersion } from './describe-template.ts'
import {
  findTemplate,
  findTemplateByName,
  findVersion,
  type LaunchTemplateRecord,
  type LaunchTemplateVersionRecord,
  type TemplateData,
  versionIdOf,
} from './launch-template.ts'
import { requireNoAlias, requirePlausible, warnOfUnsupported } from './template-check.ts'

/** Keeps what a launch shall say as version 1 of a new template. What Kiln cannot honour is told in `Warning` and refused at launch. */
export function createLaunchTemplate({ store, random, settings }: Domain): Ec2Mutation<'CreateLaunchTemplate'> {
  return {
    kind: 'mutation',
    parameters: ['LaunchTemplateName', 'LaunchTemplateData', 'VersionDescription', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const { LaunchTemplateName: name = '', LaunchTemplateData: data = {} } = input
      if (findTemplateByName(store, context, name)) {
        throw new Ec2Error('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.')
      }
      const present = store.launchTemplates.count(context)
      requireQuota(settings.quotas, 'launchTemplates', { present, code: 'MaxTemplateLimitExceeded' })
      requirePlausible(data)
      const tags = readTagSpecifications(input.TagSpecifications, ['launch-template'])
      const { accountId, region } = context
      const template: LaunchTemplateRecord = {
        accountId,
        region,
        id: newId('lt', random),
        name,
        createTime: context.now.toISOString(),
        defaultVersion: 1,
        latestVersion: 1,
        lastNumber: 1,
      }
      store.launchTemplates.insert(template)
      store.launchTemplateVersions.insert(newVersion(template, 1, data, input.VersionDescription, context.now))
      putTags(store, context, template.id, 'launch-template', tags.get('launch-template') ?? [])
      return { LaunchTemplate: describeTemplate(store, template), ...warnOfUnsupported(data) }
    },
  }
}

/** The next version: the given data alone, or over those of `SourceVersion`, parameter by parameter. */
export function createLaunchTemplateVersion({ store, settings }: Domain): Ec2Mutation<'CreateLaunchTemplateVersion'> {
  return {
    kind: 'mutation',
    parameters: [
      'LaunchTemplateId',
      'LaunchTemplateName',
      'LaunchTemplateData',
      'SourceVersion',
      'VersionDescription',
      'ResolveAlias',
      'ClientToken',
    ],
    apply: (context, input) => {
      const template = findTemplate(store, context, input)
      const present = store.launchTemplateVersions.countBy('templateId', template.id)
      requireQuota(settings.quotas, 'launchTemplateVersions', { present, code: 'MaxTemplateVersionLimitExceeded' })
      const source = input.SourceVersion === undefined ? undefined : findVersion(store, template, input.SourceVersion)
      const data = { ...(source ? inheritedData(source.data) : {}), ...input.LaunchTemplateData }
      requirePlausible(data)
      if (input.ResolveAlias) requireNoAlias(data)
      const number = template.lastNumber + 1
      const changed = { ...template, latestVersion: number, lastNumber: number }
      const version = newVersion(template, number, data, input.VersionDescription, context.now)
      store.launchTemplates.replace(changed)
      store.launchTemplateVersions.insert(version)
      return { LaunchTemplateVersion: describeVersion(changed, version), ...warnOfUnsupported(data) }
    },
  }
}

/** "Snapshots applied to the block device mapping are ignored when creating a new version unless they are explicitly included." */
function inheritedData(data: TemplateData): TemplateData {
  if (!data.BlockDeviceMappings) return data
  const mappings = data.BlockDeviceMappings.map((mapping) => {
    const { SnapshotId: _snapshot, ...ebs } = mapping.Ebs ?? {}
    return mapping.Ebs ? { ...mapping, Ebs: ebs } : mapping
  })
  return { ...data, BlockDeviceMappings: mappings }
}

function newVersion(
  { accountId, region, id: templateId }: LaunchTemplateRecord,
  number: number,
  data: TemplateData,
  description: string | undefined,
  now: Date,
): LaunchTemplateVersionRecord {
  return {
    accountId,
    region,
    id: versionIdOf(templateId, number),
    templateId,
    number,
    ...(description === undefined ? {} : { description }),
    createTime: now.toISOString(),
    data,
  }
}
