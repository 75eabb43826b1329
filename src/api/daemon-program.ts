/** Exit codes of kilnd that `kiln` tells apart. */
export const daemonExit = { failed: 1, alreadyRunning: 10 } as const

/** Arguments of the daemon's program. */
export const daemonFlag = { checkConfiguration: '--check-configuration' } as const
