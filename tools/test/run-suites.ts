// Runs suites one after the other and shows a line per suite, with a sign of life from those that take long.
import { seconds } from '../lib/text.ts'
import type { SuiteResult } from './judge.ts'
import type { SetUp } from './set-up.ts'
import type { Suite, SuiteContext } from './suite.ts'

const signOfLifeMs = 20_000

export async function runSuites(
  suites: readonly Suite[],
  { broken }: SetUp,
  context: Omit<SuiteContext, 'seen'>,
  write: (text: string) => void,
): Promise<readonly SuiteResult[]> {
  const results: SuiteResult[] = []
  for (const suite of suites) {
    const result = await runOne(suite, broken, context, write)
    write(`${suiteLine(result)}\n`)
    results.push(result)
  }
  return results
}

function suiteLine({ name, passed, skipped, failures, flaky, ms, notRun }: SuiteResult): string {
  if (notRun !== undefined) return `none  ${name.padEnd(8)} ${notRun}`
  const counts = [
    `${passed} passed`,
    failures.length > 0 && `${failures.length} failed`,
    skipped > 0 && `${skipped} skipped`,
    flaky.length > 0 && `${flaky.length} at the second try`,
  ]
  return `${failures.length > 0 ? 'FAIL' : 'ok  '}  ${name.padEnd(8)} ${seconds(ms).padStart(12)}  ${counts.filter((part) => part !== false).join(', ')}`
}

async function runOne(
  suite: Suite,
  broken: SetUp['broken'],
  context: Omit<SuiteContext, 'seen'>,
  write: (text: string) => void,
): Promise<SuiteResult> {
  const nothing = { name: suite.name, passed: 0, skipped: 0, failures: [], flaky: [], ms: 0 }
  const absent = suite.absent()
  if (absent !== undefined) return { ...nothing, notRun: absent }
  const lacks = suite.needs.filter((need) => broken.has(need))
  if (lacks.length > 0) {
    return {
      ...nothing,
      failures: lacks.map((need) => ({ name: `${suite.name} (set-up of ${need} failed)`, detail: broken.get(need) ?? '' })),
    }
  }

  const started = performance.now()
  let last = 'starting'
  const timer = setInterval(() => write(`      ${suite.name}: ${seconds(performance.now() - started)}, ${last}\n`), signOfLifeMs)
  try {
    return await suite.run({ ...context, seen: (what) => (last = what) })
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { ...nothing, failures: [{ name: `${suite.name} (could not run)`, detail }], ms: performance.now() - started }
  } finally {
    clearInterval(timer)
  }
}
