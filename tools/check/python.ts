// The Python SDK: lint, format and types by what its `dev` extra brought into .venv. `npm test` makes that .venv.
import { existsSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import type { Check } from './check.ts'
import { programFinding } from './program.ts'

const tools = [
  ['ruff', ['check', '.']],
  ['ruff', ['format', '--check', '.']],
  ['pyright', ['--pythonpath', inRepo('.venv/bin/python')]],
] as const satisfies readonly (readonly [string, readonly string[]])[]

export const python: Check = {
  name: 'python (ruff, pyright)',
  run: async () => {
    if (!existsSync(inRepo('python/pyproject.toml'))) return { problems: [], skipped: 'python/ is not in this tree' }
    const here = tools.filter(([name]) => existsSync(inRepo('.venv/bin', name)))
    if (here.length === 0) return { problems: [], skipped: 'neither is in .venv' }
    const findings = await Promise.all(
      here.map(([name, args]) => programFinding(inRepo('.venv/bin', name), args, { cwd: inRepo('python') })),
    )
    return {
      problems: findings.flatMap(({ problems }) => problems),
      looked: [...new Set(here.map(([name]) => name))].join(', '),
    }
  },
}
