import type { LaunchTemplateSpecification } from '@aws-sdk/client-ec2'
import type { Scope, Store, Tag } from '../ports/store.ts'
import {
  findTemplate,
  findVersion,
  type LaunchTemplateRecord,
  type LaunchTemplateVersionRecord,
} from './launch-template.ts'

/** The template that a launch goes by, in the version it goes by. */
export interface ChosenTemplate {
  readonly template: LaunchTemplateRecord
  readonly version: LaunchTemplateVersionRecord
}

/** Undefined when a launch names no template; the default version when it names none. */
export function findLaunchTemplate(
  store: Store,
  scope: Scope,
  specification: LaunchTemplateSpecification | undefined,
): ChosenTemplate | undefined {
  if (!specification) return undefined
  const template = findTemplate(store, scope, specification)
  return { template, version: findVersion(store, template, specification.Version ?? '$Default') }
}

/** The tags by which EC2 tells which template an instance was launched by. */
export function templateTags({ template, version }: ChosenTemplate): Tag[] {
  return [
    { key: 'aws:ec2launchtemplate:id', value: template.id },
    { key: 'aws:ec2launchtemplate:version', value: String(version.number) },
  ]
}
