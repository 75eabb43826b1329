import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { commandOfStep } from '../../../../src/ec2/pipeline/guest-script.ts'
import type { PipelineStep } from '../../../../src/ec2/pipeline/pipeline.ts'

const common = { title: 'one', timeoutMs: 1000, environment: {} }

function script(text: string, environment: Record<string, string> = {}): PipelineStep & { kind: 'script' } {
  return { ...common, environment, kind: 'script', text }
}

test('keeps scripts and variables out of the command line, which process lists show', () => {
  const { command, input } = commandOfStep(script('echo "$TOKEN"'), new Map([['TOKEN', "it's secret"]]))
  expect(command).toBe(`if [ "$(id -u)" = 0 ]; then exec sh -c 'exec sh'; else exec sudo -n sh -c 'exec sh'; fi`)
  expect(String(input)).toBe(`umask 077
mkdir -p /run/kiln-pipeline || exit
cat >/run/kiln-pipeline/script <<'KILN_END_OF_SCRIPT' || exit
echo "$TOKEN"
KILN_END_OF_SCRIPT
umask 022
export TOKEN='it'\\''s secret'
cd /
exec 'sh' '-e' /run/kiln-pipeline/script </dev/null
`)
})

test('runs a script by the interpreter that its first line names, wherever it lies', () => {
  const { input } = commandOfStep(script('#!/usr/bin/env python3\nprint(1)\n'), new Map())
  expect(String(input)).toContain(`exec '/usr/bin/env' 'python3' /run/kiln-pipeline/script </dev/null`)
})

test('hands on every byte of a script, also one that looks like its end', () => {
  const text = 'cat <<KILN_END_OF_SCRIPT\n$HOME `x` \\ \'"\nKILN_END_OF_SCRIPT\n'
  const { input } = commandOfStep(script(text), new Map())
  // What the server's shell would put into the file.
  const program = String(input)
    .replace('>/run/kiln-pipeline/script', '')
    .replace('mkdir -p /run/kiln-pipeline || exit\n', '')
    .replace(/^exec .*$/m, '')
  expect(execFileSync('sh', { input: program, encoding: 'utf8' })).toBe(text)
})

test('puts a copied file in its place at once, with its mode and owner', () => {
  const step: PipelineStep = {
    ...common,
    kind: 'copy',
    content: Buffer.from([0, 255]),
    to: "/srv/it's/page",
    mode: '0640',
    owner: 'www-data:www-data',
  }
  const { command, input } = commandOfStep(step, new Map())
  expect(input).toEqual(Buffer.from([0, 255]))
  expect(command).toContain('chmod 0640')
  expect(command).toContain('chown www-data:www-data')
})
