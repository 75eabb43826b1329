#!/usr/bin/env node
import { runInForeground } from '../host/foreground-process.ts'
import { findStateRoot, statePathsOf } from '../host/state-paths.ts'
import { runCli } from './program.ts'

const interruption = new AbortController()
process.once('SIGINT', () => interruption.abort())
process.stdout.on('error', () => process.exit(0))

process.exitCode = await runCli(process.argv.slice(2), {
  paths: statePathsOf(findStateRoot()),
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
  signal: interruption.signal,
  runInForeground,
  region: process.env['AWS_REGION'] || undefined,
  account: process.env['KILN_ACCOUNT'] || undefined,
})
