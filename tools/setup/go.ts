// Finds a Go that can build the guest agent, or brings one through apt: from the host's own sources when they have one that
// is new enough, else from the backports of the same release, which are used for this one call and not added to the host.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inRepo } from '../lib/repo.ts'
import { run } from '../lib/run.ts'
import { aptInstall, aptUpdate, programPath, type Say } from './apt.ts'
import { backportsSource, newestGoPackage, newEnough, parseGoVersion, requiredGo, type GoVersion } from './go-version.ts'

export interface Go {
  /** Directory with `go` and `gofmt`, to be put in front of PATH. */
  readonly bin: string
  readonly version: string
}

/** The Go to use, or undefined when there is none new enough and it was not asked to install one. */
export async function findGo(): Promise<Go | undefined> {
  const required = neededVersion()
  for (const path of candidates()) {
    const result = await run(path, ['version'], { timeoutMs: 20_000, env: { ...process.env, GOTOOLCHAIN: 'local' } })
    const found = parseGoVersion(result.stdout)
    if (found && newEnough(found, required)) return { bin: dirname(path), version: found.join('.') }
  }
  return undefined
}

export async function ensureGo(say: Say): Promise<Go> {
  const found = await findGo()
  if (found) return found
  const [major, minor] = neededVersion()
  const need = `the guest agent needs Go ${major}.${minor} or newer`
  if (programPath('apt-cache') === undefined)
    throw new Error(`${need}, and there is no apt here. Install Go by hand so that \`go version\` works.`)
  say(`${need}; looking for it in the package sources`)
  await installGo(say, need)
  const installed = await findGo()
  if (!installed) throw new Error(`Go was installed, but does not answer to \`go version\`; looked in ${candidates().join(', ')}`)
  return installed
}

function neededVersion(): GoVersion {
  const mod = inRepo('agent/go.mod')
  return requiredGo(existsSync(mod) ? readFileSync(mod, 'utf8') : '')
}

function candidates(): readonly string[] {
  // Debian's versioned packages put nothing into PATH.
  const versioned = existsSync('/usr/lib') ? readdirSync('/usr/lib').filter((name) => /^go-1\.\d+$/.test(name)) : []
  const paths = [
    '/usr/local/go/bin/go',
    ...versioned
      .sort()
      .toReversed()
      .map((name) => `/usr/lib/${name}/bin/go`),
  ]
  const inPath = programPath('go')
  return [...new Set([...(inPath ? [inPath] : []), ...paths.filter((path) => existsSync(path))])]
}

async function installGo(say: Say, need: string): Promise<void> {
  // Without lists apt knows neither packages nor where they come from.
  await aptUpdate(say)
  const own = await offered([])
  if (own) return aptInstall([own], say)

  const targets = await run('apt-get', ['indextargets', '--format', '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)'])
  const source = backportsSource(targets.stdout, readFileSync('/etc/os-release', 'utf8'))
  if (!source)
    throw new Error(`${need}; this release's packages are older and it has no backports. Install Go by hand so that \`go version\` works.`)
  say('taking it from the backports of this release')
  const dir = mkdtempSync(join(tmpdir(), 'nullspace-apt-'))
  try {
    const list = join(dir, 'backports.list')
    // apt fetches as a user of its own, who must get into the directory.
    chmodSync(dir, 0o755)
    mkdirSync(join(dir, 'lists/partial'), { recursive: true })
    writeFileSync(list, source + '\n')
    const settings = [
      `Dir::Etc::sourcelist=${list}`,
      `Dir::State::lists=${dir}/lists`,
      `Dir::Cache::pkgcache=${dir}/pkg.bin`,
      `Dir::Cache::srcpkgcache=${dir}/src.bin`,
    ]
    const extra = settings.flatMap((setting) => ['-o', setting])
    await aptUpdate(say, { extra })
    const name = await offered(extra)
    if (!name) {
      throw new Error(`${need}; neither this release nor its backports have it. Install Go by hand so that \`go version\` works.`)
    }
    await aptInstall([name], say, { extra })
  } finally {
    try {
      rmSync(dir, { recursive: true, force: true })
    } catch {
      // Under sudo some of it is root's; it lies in the temporary directory.
    }
  }
}

async function offered(extra: readonly string[]): Promise<string | undefined> {
  const result = await run('apt-cache', [...extra, 'search', '--names-only', '^golang-1\\.[0-9]+-go$'], { timeoutMs: 60_000 })
  return newestGoPackage(result.stdout, neededVersion())
}
