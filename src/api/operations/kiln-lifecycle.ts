import type { Domain } from '../../ec2/domain.ts'
import { setEnabled } from '../../ec2/lifecycle/lifecycle-manager.ts'
import type { LifecyclePolicy, LifecycleRunRecord, PolicyFile } from '../../ec2/lifecycle/policy.ts'
import type { MutationContext } from '../../ec2/operation.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { LifecyclePolicyDescription, LifecycleRunDescription } from '../kiln/lifecycle.ts'

/** Lifecycle policies: backups and clean-up by the clock. What they do is done by operations of their account's, and audited as such. */
export function kilnLifecycleOperations(domain: Domain): Record<string, AnyOperation> {
  const { lifecycle, store } = domain
  const enable = (context: MutationContext, name: string, isEnabled: boolean) => {
    const policy = lifecycle.find(context.accountId, name)
    setEnabled(store, policy, context.now, isEnabled)
    context.afterCommit(() => lifecycle.refresh())
    const file = lifecycle.list(context.accountId).find((one) => one.name === name)?.path ?? ''
    return { Policy: describePolicy(domain, file, policy) }
  }
  return {
    KilnDescribeLifecyclePolicies: query('KilnDescribeLifecyclePolicies', ({ accountId }) => {
      lifecycle.refresh()
      return { Policies: lifecycle.list(accountId).map((file) => describeFile(domain, file)) }
    }),
    KilnRunLifecyclePolicy: {
      ...query('KilnRunLifecyclePolicy', async ({ accountId }, input) => {
        const policy = lifecycle.find(accountId, input.Name)
        const isDryRun = input.IsDryRun ?? false
        return { Run: describeRun(await lifecycle.run(policy, { trigger: 'call', isDryRun })) }
      }),
      isAudited: true,
    },
    KilnEnableLifecyclePolicy: mutation('KilnEnableLifecyclePolicy', (context, { Name }) =>
      enable(context, Name, true),
    ),
    KilnDisableLifecyclePolicy: mutation('KilnDisableLifecyclePolicy', (context, { Name }) =>
      enable(context, Name, false),
    ),
    KilnDescribeLifecycleRuns: query('KilnDescribeLifecycleRuns', ({ accountId }, { Name: name }) => ({
      Runs: store.lifecycleRuns
        .listAll()
        .filter((run) => run.accountId === accountId && run.policyName === name)
        .toReversed()
        .map(describeRun),
    })),
  }
}

function describeFile(domain: Domain, { name, path, policy, problem }: PolicyFile): LifecyclePolicyDescription {
  if (policy) return describePolicy(domain, path, policy)
  return { Name: name, File: path, State: 'malformed', ...(problem === undefined ? {} : { Problem: problem }) }
}

function describePolicy({ lifecycle }: Domain, file: string, policy: LifecyclePolicy): LifecyclePolicyDescription {
  const nextRun = lifecycle.nextRunOf(policy)
  const { schedule, rule } = policy
  return {
    Name: policy.name,
    File: file,
    State: lifecycle.isEnabled(policy) ? 'enabled' : 'trial',
    Region: policy.region,
    ...(policy.description ? { Description: policy.description } : {}),
    Kind: rule.kind === 'backup' ? rule.makes : 'clean-up',
    ...(schedule ? { Cron: schedule.cron } : {}),
    ...(schedule?.timeZone ? { TimeZone: schedule.timeZone } : {}),
    ...(nextRun ? { NextRun: nextRun.toISOString() } : {}),
  }
}

function describeRun(run: LifecycleRunRecord): LifecycleRunDescription {
  return {
    PolicyName: run.policyName,
    Region: run.region,
    StartedAt: run.startedAt,
    EndedAt: run.endedAt,
    Trigger: run.trigger,
    ...(run.dueAt === undefined ? {} : { DueAt: run.dueAt }),
    ...(run.isLate ? { IsLate: true as const } : {}),
    IsDryRun: run.isDryRun,
    Steps: run.steps.map(({ action, resourceId, region, reason, madeId, error }) => ({
      Action: action,
      ResourceId: resourceId,
      Region: region,
      Reason: reason,
      ...(madeId === undefined ? {} : { MadeId: madeId }),
      ...(error === undefined ? {} : { Error: error }),
    })),
  }
}
