import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs a program on the terminal of this process and resolves to its exit code (128 + number when a signal ended it). SIGINT
 * reaches it from the terminal itself; SIGTERM is passed on. It runs as long as its user wants. Rejects when it cannot be started.
 */
export function runInForeground(argv: readonly [string, ...string[]]): Promise<number> {
  const [file, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit' })
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    const ignore = () => undefined
    process.on('SIGTERM', pass)
    process.on('SIGINT', ignore)
    const finish = () => {
      process.off('SIGTERM', pass)
      process.off('SIGINT', ignore)
    }
    child.once('error', (error) => {
      finish()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      finish()
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}
