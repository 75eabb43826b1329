/** Exit codes of kilnd that `kiln` tells apart. */
export const daemonExit = { failed: 1, alreadyRunning: 10 } as const
