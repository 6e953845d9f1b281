// The three vitest projects, each in a run of its own: a hypervisor that wedges must not take the unit tests with it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { run } from '../lib/run.ts'
import { endingOf } from './ending.ts'
import { judge, type SuiteResult } from './judge.ts'
import type { Need, Suite, SuiteContext } from './suite.ts'
import { parseVitestReport } from './vitest-report.ts'

const minutes = 60_000

export const unitSuite = vitestSuite('unit', [], 12 * minutes, (path) =>
  /^(packages|tools|bench|e2e)\/.*(?<!\.vm|\.e2e)\.test\.ts$/.test(path),
)
export const vmSuite = vitestSuite('vm', ['packages', 'go', 'image'], 25 * minutes, (path) =>
  /^(packages|tools|bench|e2e)\/.*\.vm\.test\.ts$/.test(path),
)
export const e2eSuite = vitestSuite('e2e', ['packages', 'go', 'image', 'python'], 30 * minutes, (path) =>
  /^e2e\/.*\.e2e\.test\.ts$/.test(path),
)

function vitestSuite(name: 'unit' | 'vm' | 'e2e', needs: readonly Need[], timeoutMs: number, isTest: (path: string) => boolean): Suite {
  return {
    name,
    needs,
    absent: () => (repoFiles().some(isTest) ? undefined : `no ${name} tests in this tree`),
    run: (context) => runVitest(name, timeoutMs, context),
  }
}

async function runVitest(name: string, timeoutMs: number, { filter, env, seen }: SuiteContext): Promise<SuiteResult> {
  const dir = mkdtempSync(join(tmpdir(), 'nullspace-test-'))
  const file = join(dir, 'report.jsonl')
  const report = () => parseVitestReport(existsSync(file) ? readFileSync(file, 'utf8') : '')
  const watch = setInterval(() => {
    const { passed, failures, unfinished } = report()
    seen(`${passed} passed, ${failures.length} failed so far${unfinished[0] ? `; at ${unfinished[0]}` : ''}`)
  }, 5_000)
  try {
    const args = [
      '--disable-warning=ExperimentalWarning',
      inRepo('node_modules/vitest/vitest.mjs'),
      'run',
      '--passWithNoTests',
      '--project',
      name,
    ]
    const result = await run(
      process.execPath,
      [...args, '--reporter', inRepo('tools/test/vitest-reporter.ts'), ...(filter === '' ? [] : [filter])],
      {
        timeoutMs,
        env: { ...env, NULLSPACE_TEST_REPORT: file, NO_COLOR: '1', FORCE_COLOR: '0' },
      },
    )
    return judge(name, report(), endingOf(result), filter !== '')
  } finally {
    clearInterval(watch)
    rmSync(dir, { recursive: true, force: true })
  }
}
