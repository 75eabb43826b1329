import type { Domain } from '../../ec2/domain.ts'
import {
  deleteLaunchTemplate,
  deleteLaunchTemplateVersions,
  modifyLaunchTemplate,
} from '../../ec2/launch-template/change-launch-template.ts'
import { createLaunchTemplate, createLaunchTemplateVersion } from '../../ec2/launch-template/create-launch-template.ts'
import { describeLaunchTemplateVersions } from '../../ec2/launch-template/describe-launch-template-versions.ts'
import { describeLaunchTemplates } from '../../ec2/launch-template/describe-launch-templates.ts'
import { getLaunchTemplateData } from '../../ec2/launch-template/get-launch-template-data.ts'
import type { AnyOperation } from '../dispatch.ts'

export function launchTemplateOperations(domain: Domain) {
  return {
    CreateLaunchTemplate: createLaunchTemplate(domain),
    CreateLaunchTemplateVersion: createLaunchTemplateVersion(domain),
    DescribeLaunchTemplates: describeLaunchTemplates(domain),
    DescribeLaunchTemplateVersions: describeLaunchTemplateVersions(domain),
    ModifyLaunchTemplate: modifyLaunchTemplate(domain),
    DeleteLaunchTemplate: deleteLaunchTemplate(domain),
    DeleteLaunchTemplateVersions: deleteLaunchTemplateVersions(domain),
    GetLaunchTemplateData: getLaunchTemplateData(domain),
  } satisfies Record<string, AnyOperation>
}
