import type { DoctorFinding } from '../../api/doctor-report.ts'
import type { ProcessHost } from '../../host/process.ts'

/** One thing that is looked at. */
export interface Check {
  readonly name: string
  run(): Promise<Verdict>
}

/** A finding without its name. */
export type Verdict = Omit<DoctorFinding, 'Name'>

/** The host as checks see it; tests bring one made of tables. */
export interface HostView {
  readonly processes: ProcessHost
  /** Content of a file; undefined when it cannot be read. */
  readText(path: string): Promise<string | undefined>
  /** Whether there is such a file, directory or device that this user may use as asked. */
  isUsable(path: string, mode: 'exists' | 'execute' | 'write'): Promise<boolean>
  readonly isRoot: boolean
  readonly userName: string
  /** PATH, with the system's directories. */
  readonly searchPath: string
}

/** As it should be. */
export function ok(detail: string): Verdict {
  return { Status: 'ok', Detail: detail }
}

/** Works, but could be better. */
export function warning(detail: string, remedy: string): Verdict {
  return { Status: 'warning', Detail: detail, Remedy: remedy }
}

/** Something will not work. */
export function problem(detail: string, remedy: string): Verdict {
  return { Status: 'problem', Detail: detail, Remedy: remedy }
}

/** Runs a check; one that fails itself is a problem, told by its error. */
export async function runCheck(check: Check): Promise<DoctorFinding> {
  try {
    return { Name: check.name, ...(await check.run()) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return {
      Name: check.name,
      ...problem(`could not be looked at: ${why}`, 'Mend that first, then run kiln doctor again.'),
    }
  }
}

/** The commands that set a kernel parameter now and at each boot. */
export function sysctlRemedy(setting: string): string {
  return `echo ${setting} | sudo tee -a /etc/sysctl.d/99-kiln.conf && sudo sysctl -p /etc/sysctl.d/99-kiln.conf`
}
