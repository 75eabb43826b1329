/** What `kiln doctor` found out about one thing. */
export interface DoctorFinding {
  readonly Name: string
  /** `warning`: Kiln works, but not as well as it could; `problem`: something will not work. */
  readonly Status: 'ok' | 'warning' | 'problem'
  readonly Detail: string
  /** What to do about it. */
  readonly Remedy?: string
}
