import type { DescribeLaunchTemplateVersionsRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination, missingParameter } from '../errors.ts'
import { applyFilters, defineFilters, type FilterTable } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Scope, Store } from '../ports/store.ts'
import { describeVersion } from './describe-template.ts'
import {
  findTemplate,
  findVersion,
  type LaunchTemplateRecord,
  type LaunchTemplateVersionRecord,
  readVersionNumber,
  versionsOf,
} from './launch-template.ts'
import { requireNoAlias } from './template-check.ts'

/** A version beside its template. */
interface Row {
  readonly template: LaunchTemplateRecord
  readonly version: LaunchTemplateVersionRecord
}

const filterTable: FilterTable<Row> = {
  'create-time': ({ version }) => version.createTime,
  'ebs-optimized': ({ version }) => version.data.EbsOptimized,
  'host-resource-group-arn': ({ version }) => version.data.Placement?.HostResourceGroupArn,
  'http-endpoint': ({ version }) => version.data.MetadataOptions?.HttpEndpoint,
  'http-protocol-ipv4': ({ version }) => version.data.MetadataOptions?.HttpEndpoint,
  'http-tokens': ({ version }) => version.data.MetadataOptions?.HttpTokens,
  'iam-instance-profile': ({ version }) => version.data.IamInstanceProfile?.Arn,
  'image-id': ({ version }) => version.data.ImageId,
  'instance-type': ({ version }) => version.data.InstanceType,
  'is-default-version': ({ template, version }) => version.number === template.defaultVersion,
  'kernel-id': ({ version }) => version.data.KernelId,
  'license-configuration-arn': ({ version }) =>
    (version.data.LicenseSpecifications ?? []).map(({ LicenseConfigurationArn }) => LicenseConfigurationArn),
  'network-card-index': ({ version }) =>
    (version.data.NetworkInterfaces ?? []).map(({ NetworkCardIndex }) => NetworkCardIndex),
  'ram-disk-id': ({ version }) => version.data.RamDiskId,
}

/** Versions of one template, the newest first; without a template the latest or default ones of all. */
export function describeLaunchTemplateVersions({ store }: Domain): Ec2Query<'DescribeLaunchTemplateVersions'> {
  const filters = defineFilters(filterTable)
  return {
    kind: 'query',
    parameters: [
      'LaunchTemplateId',
      'LaunchTemplateName',
      'Versions',
      'MinVersion',
      'MaxVersion',
      'Filters',
      'MaxResults',
      'NextToken',
      'ResolveAlias',
      'IncludeManagedResources',
    ],
    filters: filters.names,
    answer: (context, input) => {
      const rows = applyFilters(selectRows(store, context, input), input.Filters, filters)
      const page = takePage(rows, input, keyOf, { minimum: 1, maximum: 200 })
      if (input.ResolveAlias) for (const { version } of page.records) requireNoAlias(version.data)
      return {
        LaunchTemplateVersions: page.records.map(({ template, version }) => describeVersion(template, version)),
        ...page.token,
      }
    },
  }
}

function selectRows(store: Store, scope: Scope, input: DescribeLaunchTemplateVersionsRequest): Row[] {
  const { Versions: versions = [], MinVersion: minimum, MaxVersion: maximum } = input
  const hasRange = minimum !== undefined || maximum !== undefined
  if (versions.length > 0 && hasRange) {
    throw invalidParameterCombination('The parameter Versions may not be used with MinVersion or MaxVersion')
  }
  if (input.LaunchTemplateId === undefined && input.LaunchTemplateName === undefined) {
    return selectOfAll(store, scope, versions, hasRange)
  }
  const template = findTemplate(store, scope, input)
  if (versions.length > 0) {
    const found = new Map(versions.map((text) => findVersion(store, template, text)).map((row) => [row.id, row]))
    return [...found.values()].map((version) => ({ template, version }))
  }
  const from = minimum === undefined ? 1 : readVersionNumber(template, minimum)
  const to = maximum === undefined ? Number.MAX_SAFE_INTEGER : readVersionNumber(template, maximum)
  return versionsOf(store, template)
    .filter(({ number }) => number >= from && number <= to)
    .map((version) => ({ template, version }))
}

function selectOfAll(store: Store, scope: Scope, versions: readonly string[], hasRange: boolean): Row[] {
  if (versions.length === 0 || hasRange) throw missingParameter('LaunchTemplateId or LaunchTemplateName')
  if (versions.some((text) => text !== '$Latest' && text !== '$Default')) {
    throw invalidParameterCombination(
      'Without a launch template only the versions $Latest and $Default can be described',
    )
  }
  return store.launchTemplates.list(scope).flatMap((template) => {
    const found = new Map(versions.map((text) => findVersion(store, template, text)).map((row) => [row.id, row]))
    return [...found.values()].map((version) => ({ template, version }))
  })
}

/** Newest first within a template. */
function keyOf({ template, version }: Row): string {
  return `${template.id}:${String(10_000_000_000 - version.number).padStart(11, '0')}`
}
