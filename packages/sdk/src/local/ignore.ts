// Patterns of files to leave out, as in a `.gitignore`.

/** `path` is relative, with slashes. */
export type LeavesOut = (path: string, isDirectory: boolean) => boolean

interface Rule {
  readonly path: RegExp
  readonly onlyDirectories: boolean
  readonly leavesOut: boolean
}

/** The last pattern that fits decides; `!` takes back in. What is below a directory that is left out is not asked for. */
export function ignoreRules(lines: readonly string[]): LeavesOut {
  const rules = lines.flatMap((line) => ruleOf(line) ?? []).toReversed()
  return (path, isDirectory) => {
    const rule = rules.find(({ path: fits, onlyDirectories }) => (isDirectory || !onlyDirectories) && fits.test(path))
    return rule?.leavesOut ?? false
  }
}

function ruleOf(line: string): Rule | undefined {
  // Blanks at the end count when they are escaped.
  const pattern = line.replace(/[\r\n]+$/, '').replace(/(?<!\\)((?:\\\\)*)(\\ )? *$/, '$1$2')
  if (pattern === '' || pattern.startsWith('#')) return undefined
  const leavesOut = !pattern.startsWith('!')
  const glob = pattern.slice(leavesOut ? 0 : 1)
  const bare = glob.replace(/\/+$/, '')
  if (bare === '') return undefined
  // With a slash in front or within, it is a path from the top; otherwise a name anywhere.
  const above = bare.includes('/') ? '' : '(?:.*/)?'
  try {
    return { path: new RegExp(`^${above}${expression(bare.replace(/^\/+/, ''))}$`, 'su'), onlyDirectories: bare !== glob, leavesOut }
  } catch {
    // [z-a] fits nothing.
    return undefined
  }
}

const TOKEN = /(?<=^|\/)\*\*\/|(?<=^|\/)\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|./gsu
const SPECIAL = /[\\^$.*+?()[\]{}|/]/g

function expression(glob: string): string {
  return glob.replaceAll(TOKEN, (token, at: number) => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**' && at + 2 === glob.length && (at === 0 || glob[at - 1] === '/')) return '.+'
    if (token.startsWith('*')) return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[') && token.length > 1) return setOf(token.slice(1, -1))
    const plain = token.startsWith('\\') && token.length > 1 ? token.slice(1) : token
    return plain.replaceAll(SPECIAL, String.raw`\$&`)
  })
}

function setOf(inside: string): string {
  const negated = /^[!^]/.test(inside)
  const members = inside.slice(negated ? 1 : 0).replaceAll(/[\\[\]^]/g, String.raw`\$&`)
  return `(?!/)[${negated ? '^' : ''}${members}]`
}
