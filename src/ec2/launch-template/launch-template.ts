import type { RequestLaunchTemplateData } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'

/** What a launch template keeps of a launch, in the words of the request. */
export type TemplateData = RequestLaunchTemplateData

/** A launch template: a name for numbered versions. */
export interface LaunchTemplateRecord extends ResourceRecord {
  readonly name: string
  readonly createTime: string
  readonly defaultVersion: number
  /** The highest number that is there. */
  readonly latestVersion: number
  /** The highest number that ever was: numbers are not given twice. */
  readonly lastNumber: number
}

/** One version; it never changes. */
export interface LaunchTemplateVersionRecord extends ResourceRecord {
  readonly templateId: string
  readonly number: number
  readonly description?: string
  readonly createTime: string
  readonly data: TemplateData
}

/** How requests name a template: by one of the two. */
export interface TemplateReference {
  readonly LaunchTemplateId?: string | undefined
  readonly LaunchTemplateName?: string | undefined
}

/** Throws EC2's errors for a template named twice, not at all, malformed, or not there. */
export function findTemplate(store: Store, scope: Scope, reference: TemplateReference): LaunchTemplateRecord {
  const { LaunchTemplateId: id, LaunchTemplateName: name } = reference
  if (id !== undefined && name !== undefined) {
    throw invalidParameterCombination(
      'The parameters LaunchTemplateId and LaunchTemplateName may not be used together: name the launch template by one of them.',
    )
  }
  if (id !== undefined) return findOne('lt', id, (wanted) => store.launchTemplates.get(scope, wanted))
  if (name === undefined) throw missingParameter('LaunchTemplateId or LaunchTemplateName')
  const found = findTemplateByName(store, scope, name)
  if (!found) throw unknownTemplateName(name)
  return found
}

export function findTemplateByName(store: Store, scope: Scope, name: string): LaunchTemplateRecord | undefined {
  return store.launchTemplates
    .listBy('name', name)
    .find(({ accountId, region }) => accountId === scope.accountId && region === scope.region)
}

/** EC2's answer for a name that no template has. */
export function unknownTemplateName(name: string): Ec2Error {
  return new Ec2Error(
    'InvalidLaunchTemplateName.NotFoundException',
    `The specified launch template, with template name ${name.slice(0, 128)}, does not exist.`,
  )
}

/** The version that a text means: a number, `$Latest` or `$Default`. Throws EC2's errors for others and for those not there. */
export function findVersion(store: Store, template: LaunchTemplateRecord, text: string): LaunchTemplateVersionRecord {
  const found = store.launchTemplateVersions.find(versionIdOf(template.id, readVersionNumber(template, text)))
  if (found) return { ...found, data: reviveTimes(found.data) }
  throw new Ec2Error(
    'InvalidLaunchTemplateId.VersionNotFound',
    `Could not find the specified version ${text} for the launch template with ID ${template.id}.`,
  )
}

/** The number that a version's text means; it need not be there. */
export function readVersionNumber(template: LaunchTemplateRecord, text: string): number {
  if (text === '$Latest') return template.latestVersion
  if (text === '$Default') return template.defaultVersion
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
  throw new Ec2Error(
    'InvalidLaunchTemplateVersion.Malformed',
    `The launch template version '${text.slice(0, 80)}' is malformed. Use a version number, $Latest or $Default.`,
  )
}

/** All versions of a template, the newest first. */
export function versionsOf(store: Store, template: LaunchTemplateRecord): LaunchTemplateVersionRecord[] {
  return store.launchTemplateVersions
    .listBy('templateId', template.id)
    .map((version) => ({ ...version, data: reviveTimes(version.data) }))
    .sort((a, b) => b.number - a.number)
}

export function versionIdOf(templateId: string, number: number): string {
  return `${templateId}:${number}`
}

/** Records hold times as texts; the one time in a template's data becomes a time again. */
function reviveTimes(data: TemplateData): TemplateData {
  const market = data.InstanceMarketOptions
  const until = market?.SpotOptions?.ValidUntil
  if (until === undefined) return data
  return {
    ...data,
    InstanceMarketOptions: { ...market, SpotOptions: { ...market?.SpotOptions, ValidUntil: new Date(until) } },
  }
}
