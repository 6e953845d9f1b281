// The guest agent's own tests, on the host.
import { join } from 'node:path'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { run } from '../lib/run.ts'
import { findGo } from '../setup/go.ts'
import { endingOf } from './ending.ts'
import { parseGoReport } from './go-report.ts'
import { judge } from './judge.ts'
import type { Suite } from './suite.ts'

const timeoutMs = 8 * 60_000
const packageSeconds = 240

export const goSuite: Suite = {
  name: 'go',
  needs: ['go'],
  absent: () => (repoFiles().some((path) => /^agent\/.*_test\.go$/.test(path)) ? undefined : 'no go tests in this tree'),
  run: async ({ filter, env, seen }) => {
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
  },
}
