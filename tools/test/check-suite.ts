// The static gate as a suite: each of its steps counts as one test.
import { availableParallelism } from 'node:os'
import { allChecks } from '../check/all-checks.ts'
import { runChecks } from '../check/check.ts'
import type { Suite } from './suite.ts'

export const checkSuite: Suite = {
  name: 'check',
  needs: [],
  absent: () => undefined,
  run: async ({ filter, seen }) => {
    const started = performance.now()
    const picked = allChecks.filter(({ name }) => name.includes(filter))
    const results = await runChecks(picked, availableParallelism(), ({ name }) => seen(name))
    const failed = results.filter(({ problems }) => problems.length > 0)
    const skipped = results.filter((one) => one.skipped !== undefined && one.problems.length === 0)
    return {
      name: 'check',
      passed: results.length - failed.length - skipped.length,
      skipped: skipped.length,
      flaky: [],
      failures:
        picked.length === 0
          ? [{ name: 'check (no match)', detail: `no check is named "${filter}"` }]
          : failed.map(({ name, problems }) => ({ name: `check > ${name}`, detail: problems.join('\n') })),
      ms: performance.now() - started,
    }
  },
}
