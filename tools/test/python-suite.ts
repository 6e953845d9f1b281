// The Python SDK's tests, with the repository's .venv.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { run } from '../lib/run.ts'
import { venvPython } from '../setup/python-venv.ts'
import { endingOf } from './ending.ts'
import { judge } from './judge.ts'
import { parseJunitReport } from './junit-report.ts'
import { emptyReport, type TestFailure } from './report.ts'
import type { Suite } from './suite.ts'

const timeoutMs = 10 * 60_000

export const pythonSuite: Suite = {
  name: 'python',
  needs: ['packages', 'python'],
  absent: () => (repoFiles().some((path) => /^python\/(.*\/)?test_[^/]*\.py$/.test(path)) ? undefined : 'no python tests in this tree'),
  run: async ({ filter, env, seen }) => {
    const dir = mkdtempSync(join(tmpdir(), 'nullspace-test-'))
    const file = join(dir, 'junit.xml')
    try {
      const args = ['-m', 'pytest', '-vv', '--color=no', '-p', 'no:cacheprovider', `--junitxml=${file}`]
      // As vitest.config.ts has it.
      if (env['CI']) args.push('--reruns', '1')
      const again: TestFailure[] = []
      const result = await run(venvPython, [...args, ...(filter === '' ? [] : ['-k', filter])], {
        cwd: inRepo('python'),
        timeoutMs,
        env: { ...env, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
        onLine: (line) => {
          if (!line.includes('::')) return
          seen(line)
          const [, name] = /^(\S+::.*) RERUN\b/.exec(line) ?? []
          if (name !== undefined) again.push({ name, detail: 'failed at first; see it with npm test -- python' })
        },
      })
      const report = existsSync(file) ? parseJunitReport(readFileSync(file, 'utf8')) : emptyReport
      // 5 is pytest's way of saying that it found no test, which is for judge to weigh.
      const ending = endingOf(result.code === 5 ? { ...result, code: 0 } : result)
      const flaky = report.failures.length === 0 ? again : []
      return judge('python', { ...report, flaky }, ending, filter !== '')
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
}
