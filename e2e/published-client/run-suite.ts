// Runs suite.py and reads its JSON lines. The cases are found in the text of the files, so that each is a test of its own.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, test } from 'vitest'
import { publishedClientPython } from './venv.ts'

const SUITE_TIMEOUT_MS = 900_000
const OUR_SDK = join(import.meta.dirname, '../../python/src')

type Client = 'published' | 'ours'

interface CaseResult {
  readonly name: string
  readonly ok: boolean
  /** The trace of a failure. */
  readonly detail: string
}

interface SuiteRun {
  /** The tries of each case. */
  readonly results: ReadonlyMap<string, CaseResult[]>
  /** What the suite said beside its results. */
  readonly noise: string
}

/** One test for each case of the suite, with that client. */
export function describeSuite(client: Client): void {
  const cases = caseNames(client)
  describe(`the suite with the client: ${client}`, () => {
    let suite: SuiteRun

    beforeAll(async () => {
      suite = await runSuite(client)
    }, SUITE_TIMEOUT_MS)

    // In CI there may be two tries of each: as many as the suite has made.
    test.each(cases)('%s', (name) => {
      const result = suite.results.get(name)?.shift() ?? { ok: false, detail: `the suite ended before this case\n${suite.noise}` }
      expect(result.ok, result.detail).toBe(true)
    })

    test('no case is hidden from this list', () => {
      expect([...suite.results.keys()].toSorted()).toEqual(cases.toSorted())
    })
  })
}

function caseNames(client: Client): readonly string[] {
  const mark = new RegExp(String.raw`^@(?:case|${client}_only)\n(?:async )?def (\w+)`, 'gm')
  return readdirSync(import.meta.dirname)
    .filter((file) => /^cases_\w+\.py$/.test(file))
    .toSorted()
    .flatMap((file) => [...readFileSync(join(import.meta.dirname, file), 'utf8').matchAll(mark)])
    .map((match) => match[1] ?? '')
}

async function runSuite(client: Client): Promise<SuiteRun> {
  const child = spawn(await publishedClientPython(), ['-u', join(import.meta.dirname, 'suite.py')], {
    // Away from any .env file, and with nothing of the caller's settings.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: tmpdir(),
      PYTHONDONTWRITEBYTECODE: '1',
      NO_PROXY: '*',
      NULLSPACE_API_URL: needed('NULLSPACE_E2E_URL'),
      NULLSPACE_API_KEY: needed('NULLSPACE_E2E_KEY'),
      ...(process.env['CI'] ? { CI: process.env['CI'] } : {}),
      // Comes before what is installed. Both clients need httpx and websockets, which are there.
      ...(client === 'ours' ? { PYTHONPATH: OUR_SDK, NULLSPACE_SUITE_CLIENT: client } : {}),
    },
  })
  const results = new Map<string, CaseResult[]>()
  const noise: string[] = []
  child.stderr.on('data', (chunk: Buffer) => noise.push(chunk.toString()))
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const result = parseResult(line)
    if (result) results.set(result.name, [...(results.get(result.name) ?? []), result])
    else noise.push(`${line}\n`)
  }
  await ended
  return { results, noise: noise.join('') }
}

function parseResult(line: string): CaseResult | undefined {
  return line.startsWith('{"name"') ? (JSON.parse(line) as CaseResult) : undefined
}

function needed(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: the set-up of the e2e tests starts a daemon and sets it`)
  return value
}
