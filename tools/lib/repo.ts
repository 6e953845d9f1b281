// Where the repository is and which files it has. Untracked files count unless git ignores them: a check must see new work.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

/** Absolute path of something in the repository. */
export function inRepo(...parts: string[]): string {
  return join(root, ...parts)
}

/** Machine-wide, so that a second clone does not build the guest image again. */
export function cacheDir(): string {
  const { NULLSPACE_CACHE, XDG_CACHE_HOME } = process.env
  if (NULLSPACE_CACHE) return NULLSPACE_CACHE
  return process.getuid?.() === 0 ? '/var/cache/nullspace' : join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'nullspace')
}

/** Sorted paths relative to the root, with forward slashes. */
export function repoFiles(): readonly string[] {
  return gitFiles() ?? walk('').sort()
}

function gitFiles(): readonly string[] | undefined {
  try {
    const out = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    // --cached also lists what was deleted in the work tree but not yet in the index.
    return [...new Set(out.split('\0'))].filter((path) => path !== '' && isFile(path)).sort()
  } catch {
    return undefined
  }
}

const skipped = new Set(['node_modules', '.git', '.venv', '.cache', '.artifacts', 'dist', '__pycache__'])

// For a source tree without git, e.g. an unpacked archive.
function walk(dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const path = dir === '' ? entry.name : `${dir}/${entry.name}`
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() ? [path] : []
  })
}

function isFile(path: string): boolean {
  const full = join(root, path)
  return existsSync(full) && statSync(full).isFile()
}
