// Feeds the boundary judge with the repository's sources.
import { readFileSync } from 'node:fs'
import { count } from '../lib/text.ts'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { boundaryViolations } from './boundaries.ts'
import type { Check } from './check.ts'

export const boundaries: Check = {
  name: 'boundaries',
  run: () => {
    const files = repoFiles()
      .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
      .map((path) => ({ path, text: readFileSync(inRepo(path), 'utf8') }))
    return { problems: boundaryViolations(files), looked: count(files.length, 'file') }
  },
}
