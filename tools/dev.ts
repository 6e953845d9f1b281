// npm run dev: the daemon on the fake driver, in a data directory of its own, restarted when a source file changes.
// No root, no VM: for work on the API, the console and the SDKs.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inRepo } from './lib/repo.ts'

const server = 'packages/server/src/main.ts'
const dataDir = inRepo('.cache/dev')
const port = Number(process.env['NULLSPACE_PORT'] ?? 7710)
const url = `http://127.0.0.1:${port}`
const keyFile = join(dataDir, 'operator-api-key')

if (!existsSync(inRepo(server))) {
  process.stderr.write(`${server} is not in this tree, so there is no daemon to run\n`)
  process.exit(1)
}
mkdirSync(dataDir, { recursive: true, mode: 0o700 })

const child = spawn(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '--watch-path', inRepo('packages'), '--watch-preserve-output', inRepo(server), 'serve'],
  {
    stdio: 'inherit',
    // No client config: the one that is there may belong to a daemon with real machines.
    env: {
      ...process.env,
      NULLSPACE_DRIVER: 'fake',
      NULLSPACE_DATA_DIR: dataDir,
      NULLSPACE_PORT: String(port),
      NULLSPACE_CLIENT_CONFIG: '',
    },
  },
)
child.once('exit', (code) => process.exit(code ?? 1))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))

await answering()
const key = existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : `(no ${keyFile} yet)`
process.stdout.write(
  `\n  url   ${url}\n  key   ${key}\n  data  ${dataDir}\n  export NULLSPACE_BASE_URL=${url} NULLSPACE_API_KEY=${key}\n\n`,
)

async function answering(): Promise<void> {
  for (;;) {
    try {
      await fetch(url, { signal: AbortSignal.timeout(1_000) })
      return
    } catch {
      await sleep(200)
    }
  }
}
