// Generated files are committed; this asks their generator whether they are what it would write now.
import { existsSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import type { Check } from './check.ts'
import { programFinding } from './program.ts'

const generator = 'tools/gen/main.ts'

export const generated: Check = {
  name: 'generated files',
  run: () =>
    existsSync(inRepo(generator))
      ? programFinding(process.execPath, ['--disable-warning=ExperimentalWarning', generator, '--check'], {
          hint: 'Mend with: npm run gen',
        })
      : { problems: [], skipped: `${generator} is not in this tree` },
}
