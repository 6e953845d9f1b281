// npm test [-- SUITE] [-- FILTER]: the gate and every suite, or one of them. Ends with `N passed, N failed` alone on a line.
import { indent, seconds } from '../lib/text.ts'
import { checkSuite } from './check-suite.ts'
import { closingLine } from './closing-line.ts'
import { goSuite } from './go-suite.ts'
import type { TestFailure } from './report.ts'
import { pythonSuite } from './python-suite.ts'
import { runSuites } from './run-suites.ts'
import { setUp } from './set-up.ts'
import { suiteNames, type Suite } from './suite.ts'
import { e2eSuite, unitSuite, vmSuite } from './vitest-suites.ts'

const suites: readonly Suite[] = [checkSuite, unitSuite, goSuite, pythonSuite, vmSuite, e2eSuite]
const maxDetailLines = 80

async function main([suiteName, filter = '', ...rest]: readonly string[]): Promise<number> {
  const picked = suiteName === undefined ? suites : suites.filter(({ name }) => name === suiteName)
  if (picked.length === 0 || rest.length > 0) {
    process.stderr.write(
      `usage: npm test [-- ${suiteNames.join('|')} [FILTER]]\n  FILTER picks files (unit, vm, e2e), names (go, python) or steps (check)\n`,
    )
    return 2
  }
  const started = performance.now()
  const write = (text: string) => void process.stdout.write(text)
  const needs = new Set(picked.filter((suite) => suite.absent() === undefined).flatMap(({ needs: some }) => some))
  const host = await setUp(needs, write)
  const env = { ...process.env, ...(host.imageDir === undefined ? {} : { NULLSPACE_TEST_IMAGES: host.imageDir }) }
  if (needs.size > 0) write('\n')

  const results = await runSuites(picked, host, { filter, env }, write)
  const failures = results.flatMap((result) => result.failures)
  const flaky = results.flatMap((result) => result.flaky)
  if (flaky.length > 0) write(`\n${flaky.map((one) => failureText(one, 'FLAKY')).join('\n\n')}\n`)
  if (failures.length > 0) write(`\n${failures.map((one) => failureText(one, 'FAILED')).join('\n\n')}\n`)
  write(`\n${seconds(performance.now() - started)} in all\n${closingLine(results)}\n`)
  return failures.length > 0 || results.every(({ passed }) => passed === 0) ? 1 : 0
}

function failureText({ name, detail }: TestFailure, word: 'FAILED' | 'FLAKY'): string {
  const lines = detail.split('\n')
  const cut = lines.length > maxDetailLines ? [...lines.slice(0, maxDetailLines), `… ${lines.length - maxDetailLines} more lines`] : lines
  return `${word} ${name}\n${indent(cut.join('\n'))}`
}

process.exitCode = await main(process.argv.slice(2))
