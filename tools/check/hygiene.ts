// Text that has no business in a repository: paths of someone's machine, hosts of package registries (they are the reader's to
// configure), traces of a merge, and large binaries.
import { readFileSync, statSync } from 'node:fs'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { count } from '../lib/text.ts'
import type { Check } from './check.ts'

const maxBytes = 1 << 20

// Put together from pieces, for this file is checked too.
const registries = [
  ...['registry.npmjs', 'pypi', 'pythonhosted', 'proxy.golang', 'deb.debian'].map((name) => `${name}.org`),
  `${'archive.ubuntu'}.com`,
  `${'crates'}.io`,
]

const rules: readonly { pattern: RegExp; says: string }[] = [
  { pattern: new RegExp(`(?<![\\w.~$}-])/${'work'}/`), says: 'is a path of one machine: say it relative to the repository' },
  {
    pattern: new RegExp(registries.map((host) => host.replaceAll('.', '\\.')).join('|')),
    says: 'names a package registry: which one is used is the reader’s to configure',
  },
  { pattern: /^(<{7} |={7}$|>{7} )/, says: 'is left of a merge: resolve it' },
]

const exceptions: readonly { path: RegExp; because: string }[] = [
  { path: /^package-lock\.json$/, because: 'npm writes where each package came from' },
]

export const hygiene: Check = {
  name: 'text hygiene',
  run: () => {
    const files = repoFiles().filter((path) => !exceptions.some((one) => one.path.test(path)))
    return { problems: files.flatMap(fileProblems), looked: count(files.length, 'file') }
  },
}

function fileProblems(path: string): readonly string[] {
  const { size } = statSync(inRepo(path))
  if (size > maxBytes)
    return [
      `${path} has ${Math.round(size / 1024)} KB; what is larger than ${maxBytes / 1024} KB is made or fetched by a script, not committed`,
    ]
  const bytes = readFileSync(inRepo(path))
  return bytes.includes(0) ? [] : textProblems(path, bytes.toString('utf8'))
}

export function textProblems(path: string, text: string): readonly string[] {
  return text.split('\n').flatMap((line, i) =>
    rules.flatMap(({ pattern, says }) => {
      const found = pattern.exec(line)
      return found ? [`${path}:${i + 1}  "${found[0]}" ${says}`] : []
    }),
  )
}
