import { CommandError, type ProcessHost, stderrTailLength } from '../host/process.ts'
import type { NamespaceBroker } from './namespace-broker.ts'
import { type Namespace, runInside, toolTimeoutMs } from './namespace.ts'

/**
 * Runs a program inside a VPC's namespace to its end; resolves with what it printed. Rejects with CommandError, or with HelperEnded when nobody
 * knows whether it has run.
 */
export type QuickRunner = (argv: readonly string[], input: string) => Promise<string>

/** By the helper in the namespace where there is one, which starts programs sooner than the daemon (docs/adr/a-launch-starts-few-programs.md). */
export function createQuickRunner(
  processes: ProcessHost,
  namespace: Namespace,
  broker: Pick<NamespaceBroker, 'run'>,
): QuickRunner {
  return async (argv, input) => {
    const end = await broker.run(argv, input, toolTimeoutMs)
    if (end === undefined) return await runInside(processes, namespace, argv, input)
    const { exitCode, stdout, stderr } = end
    if (exitCode === 0) return stdout
    throw new CommandError(argv, {
      ...{ exitCode, stderrTail: stderr.slice(-stderrTailLength).trim() },
      ...(exitCode === undefined ? { endedBy: 'a signal or its time limit' } : {}),
    })
  }
}
