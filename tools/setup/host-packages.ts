// Makes sure that the Debian packages which Nullspace needs are on this host. Costs one dpkg-query when they are.
import { existsSync, readFileSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import { run, succeeded } from '../lib/run.ts'
import { count } from '../lib/text.ts'
import { dpkgQuery, missingPackages, parseAptList } from './apt-list.ts'
import { aptInstall, hasProgram, type Say } from './apt.ts'

/** Resolves to a sentence on what was done. */
export async function ensureHostPackages(say: Say): Promise<string> {
  const wanted = wantedPackages()
  if (!hasProgram('dpkg-query')) {
    throw new Error(
      `this is not a Debian or Ubuntu host (no dpkg). Install by hand what these packages hold, then run this again:\n  ${wanted.join(' ')}`,
    )
  }
  const missing = await missingOf(wanted)
  if (missing.length === 0) return `all ${wanted.length} are installed`
  await aptInstall(missing, say)
  const still = await missingOf(wanted)
  if (still.length > 0) throw new Error(`apt-get ended well, but these are still not installed: ${still.join(' ')}`)
  return `installed ${count(missing.length, 'package')}`
}

/** Every package the host needs, from both lists. */
function wantedPackages(): readonly string[] {
  const lists = [inRepo('tools/setup/apt.txt'), inRepo('images/host-packages.txt')].filter((path) => existsSync(path))
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return [...new Set(lists.flatMap((path) => parseAptList(readFileSync(path, 'utf8'), arch)))].sort()
}

async function missingOf(wanted: readonly string[]): Promise<readonly string[]> {
  const result = await run('dpkg-query', dpkgQuery, { timeoutMs: 60_000 })
  if (!succeeded(result)) throw new Error(`dpkg-query failed: ${result.lastLine}`)
  return missingPackages(wanted, result.stdout)
}
