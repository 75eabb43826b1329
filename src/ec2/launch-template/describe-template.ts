import type { LaunchTemplate, LaunchTemplateVersion, ResponseLaunchTemplateData } from '@aws-sdk/client-ec2'
import type { Scope, Store } from '../ports/store.ts'
import { partitionOf } from '../region/region.ts'
import { describeTags } from '../tag/tag.ts'
import type { LaunchTemplateRecord, LaunchTemplateVersionRecord, TemplateData } from './launch-template.ts'

/** A template in EC2's shape. */
export function describeTemplate(store: Store, template: LaunchTemplateRecord): LaunchTemplate {
  return {
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    CreateTime: new Date(template.createTime),
    CreatedBy: creatorOf(template),
    DefaultVersionNumber: template.defaultVersion,
    LatestVersionNumber: template.latestVersion,
    Tags: describeTags(store.tags.of(template.id)),
    Operator: { Managed: false },
  }
}

/** A version in EC2's shape. */
export function describeVersion(
  template: LaunchTemplateRecord,
  version: LaunchTemplateVersionRecord,
): LaunchTemplateVersion {
  return {
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    VersionNumber: version.number,
    VersionDescription: version.description,
    CreateTime: new Date(version.createTime),
    CreatedBy: creatorOf(template),
    DefaultVersion: version.number === template.defaultVersion,
    LaunchTemplateData: describeData(version.data),
    Operator: { Managed: false },
  }
}

/** Responses have the words of requests, except for who operates the instances: nobody else does. */
function describeData({ Operator: _operator, ...data }: TemplateData): ResponseLaunchTemplateData {
  return data
}

/** Root of the account: Kiln's callers are keys of an account. */
export function creatorOf({ accountId, region }: Scope): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:root`
}
