// Types, lint, format and dead code of everything in TypeScript: each a tool of its own, pinned in package.json.
import type { Check } from './check.ts'
import { inRepo } from '../lib/repo.ts'
import { programFinding } from './program.ts'

const bin = (name: string) => inRepo('node_modules/.bin', name)

export const types: Check = {
  name: 'types',
  run: () =>
    programFinding(bin('tsc'), ['--noEmit', '--incremental', '--tsBuildInfoFile', '.cache/types.tsbuildinfo', '--pretty', 'false']),
}

export const lint: Check = {
  name: 'lint',
  run: () => programFinding(bin('oxlint'), ['--deny-warnings', '--report-unused-disable-directives-severity=error', '--format=unix', '.']),
}

export const format: Check = {
  name: 'format',
  run: () => programFinding(bin('oxfmt'), ['--list-different', '.'], { hint: 'Mend with: node_modules/.bin/oxfmt' }),
}

export const deadCode: Check = {
  name: 'dead code',
  run: () => programFinding(bin('knip'), ['--no-progress', '--no-config-hints', '--exclude', 'binaries']),
}
