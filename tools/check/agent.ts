// The guest agent's Go: formatted, and free of what `go vet` finds. Whether it works is `go test`'s to say.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inRepo } from '../lib/repo.ts'
import { run, succeeded } from '../lib/run.ts'
import { findGo } from '../setup/go.ts'
import type { Check } from './check.ts'
import { programFinding } from './program.ts'

export const agent: Check = {
  name: 'agent (gofmt, vet)',
  run: async () => {
    if (!existsSync(inRepo('agent/go.mod'))) return { problems: [], skipped: 'agent/go.mod is not in this tree' }
    const go = await findGo()
    if (!go) return { problems: [], skipped: 'no Go here that is new enough; npm test and npm run quickstart install it' }
    const fmt = await run(join(go.bin, 'gofmt'), ['-l', '.'], { cwd: inRepo('agent'), timeoutMs: 60_000 })
    const unformatted = fmt.stdout.split('\n').filter((line) => line !== '')
    if (!succeeded(fmt)) return { problems: [`gofmt failed:\n${fmt.output.trim()}`] }
    const vet = await programFinding(join(go.bin, 'go'), ['vet', './...'], {
      cwd: inRepo('agent'),
      env: { ...process.env, PATH: `${go.bin}:${process.env['PATH']}`, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
    })
    return {
      problems: [...unformatted.map((path) => `agent/${path} is not formatted. Mend with: gofmt -w agent/${path}`), ...vet.problems],
    }
  },
}
