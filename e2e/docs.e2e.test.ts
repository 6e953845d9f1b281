// What the pages show can be typed in and does what it says: every snippet marked `runnable` in README.md and docs/, run the
// way a reader would run it, prints what the page shows below it, and cleans up after itself.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REPO } from './lib/daemon.ts'
import { useShared } from './lib/shared.ts'
import { matcherOf, runnableSnippets, type Snippet } from './lib/snippets.ts'
import { publishedClientPython } from './published-client/venv.ts'

const shared = useShared()
const SNIPPET_TIMEOUT_MS = 60_000
const desk = mkdtempSync(join(tmpdir(), 'nullspace-docs-'))
/** The repository's own environment where it is set up; else the SDK's source beside an installed client. */
let python: { readonly program: string; readonly env: Readonly<Record<string, string>> }

beforeAll(async () => {
  // Packages of the workspace, and programs by their names, as in a clone.
  symlinkSync(join(REPO, 'node_modules'), join(desk, 'node_modules'))
  const venv = join(REPO, '.venv/bin/python')
  python = existsSync(venv)
    ? { program: venv, env: {} }
    : { program: await publishedClientPython(), env: { PYTHONPATH: join(REPO, 'python/src') } }
}, 400_000)
afterAll(() => rmSync(desk, { recursive: true }))

function commandOf({ language, text }: Snippet): readonly [string, ...string[]] {
  if (language === 'sh') return ['bash', '-euo', 'pipefail', '-c', text]
  const file = join(desk, language === 'python' ? 'snippet.py' : 'snippet.mts')
  writeFileSync(file, text)
  if (language === 'python') return [python.program, file]
  if (language === 'ts') return [process.execPath, '--disable-warning=ExperimentalWarning', file]
  throw new Error(`nobody here knows how to run "${language}"`)
}

function run(snippet: Snippet): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const [program, ...args] = commandOf(snippet)
  const env = {
    PATH: `${join(REPO, 'node_modules/.bin')}:${process.env['PATH']}`,
    HOME: join(shared.clientDir, 'home'),
    XDG_CONFIG_HOME: shared.clientDir,
    NO_PROXY: '*',
    NULLSPACE_API_URL: shared.client.url,
    NULLSPACE_API_KEY: shared.client.key,
    PYTHONDONTWRITEBYTECODE: '1',
    ...python.env,
  }
  return new Promise((resolve) => {
    execFile(program, args, { cwd: desk, env, timeout: SNIPPET_TIMEOUT_MS }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
    )
  })
}

/** What is there now of all that a snippet can make and forget. */
async function things(): Promise<unknown> {
  const { client } = shared
  const ids = async (path: string): Promise<string[]> => (await client.call<{ id: string }[]>('GET', path)).body.map(({ id }) => id)
  return Promise.all(['/v1/machines', '/v1/snapshots', '/v1/lifecycle/webhooks'].map(ids))
}

describe('the pages', () => {
  const snippets = runnableSnippets(REPO)

  test('have snippets in every language', () => {
    expect([...new Set(snippets.map(({ language }) => language))].toSorted()).toEqual(['python', 'sh', 'ts'])
  })

  test.each(snippets)('$at, $language', { timeout: SNIPPET_TIMEOUT_MS + 10_000 }, async (snippet) => {
    const before = await things()
    const { code, stdout, stderr } = await run(snippet)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    // Columns may end in spaces.
    if (snippet.output !== undefined) expect(stdout.replace(/ +$/gm, '').trimEnd()).toMatch(matcherOf(snippet.output))
    expect(await things()).toEqual(before)
  })
})
