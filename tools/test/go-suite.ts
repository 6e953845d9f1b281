// The guest agent's own tests, on the host.
import { join } from 'node:path'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { run } from '../lib/run.ts'
import { findGo } from '../setup/go.ts'
import { endingOf } from './ending.ts'
import { parseGoReport } from './go-report.ts'
import { judge, type SuiteResult } from './judge.ts'
import type { Suite, SuiteContext } from './suite.ts'

const timeoutMs = 8 * 60_000
const packageSeconds = 240

export const goSuite: Suite = {
  name: 'go',
  needs: ['go'],
  absent: () => (repoFiles().some((path) => /^agent\/.*_test\.go$/.test(path)) ? undefined : 'no go tests in this tree'),
  run: async (context) => {
    const first = await runGo(context, context.filter)
    if (!context.env['CI'] || first.failures.length === 0) return first
    // As vitest.config.ts has it: a second try, and what needed it is told.
    const names = first.failures.map(({ name }) => name.replace(/^\S+ /, '').replace(/\/.*/, ''))
    const second = await runGo(context, `^(${[...new Set(names)].join('|')})$`)
    if (second.failures.length > 0) return first
    return { ...first, passed: first.passed + first.failures.length, failures: [], flaky: first.failures, ms: first.ms + second.ms }
  },
}

async function runGo({ env, seen }: SuiteContext, filter: string): Promise<SuiteResult> {
  const go = await findGo()
  if (!go) throw new Error('there is no Go here that is new enough')
  // Go's own bound is the shorter one: it prints every goroutine, where a kill prints nothing.
  const bound = `-timeout=${packageSeconds}s`
  const open = new Set<string>()
  const result = await run(join(go.bin, 'go'), ['test', '-json', bound, ...(filter === '' ? [] : ['-run', filter]), './...'], {
    cwd: inRepo('agent'),
    timeoutMs,
    env: { ...env, PATH: `${go.bin}:${env['PATH']}`, GOFLAGS: '-buildvcs=false' },
    onLine: (line) => {
      const [, action, test = ''] = /"Action":"(run|pass|fail|skip)".*"Test":"([^"]+)"/.exec(line) ?? []
      if (action === 'run') open.add(test)
      else if (action !== undefined) open.delete(test)
      seen(open.size > 0 ? `at ${[...open].join(', ')}` : 'between tests')
    },
  })
  const ending = endingOf({ ...result, output: result.output.replace(/^\{.*\n/gm, '') })
  return judge('go', parseGoReport(result.stdout), ending, filter !== '')
}
