// summarise-tests.mjs REPORT STATUS: reads vitest's JSON report, prints the skipped tests and the closing line, and fails when a test
// failed or was skipped, or when vitest itself ended with another status than 0.
import { readFileSync } from 'node:fs'

const [path, status] = process.argv.slice(2)
const report = readReport()
const tests = report.testResults.flatMap((file) => file.assertionResults)
const passed = tests.filter((test) => test.status === 'passed').length
const failures = tests.filter((test) => test.status === 'failed').length
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
// A file that cannot be loaded, or an error outside of any test, is a failure without a failed test.
const failed = failures > 0 || (status === '0' && tests.length > 0) ? failures : 1

for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`)
process.exitCode = failed > 0 || skipped.length > 0 ? 1 : 0

function readReport() {
  const text = readFileSync(path, 'utf8')
  return text === '' ? { testResults: [] } : JSON.parse(text)
}
