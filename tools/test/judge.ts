// From what a runner reported and how it ended to what counts. Silence is not success: a runner that crashed, hung, or ran
// nothing where there are tests has failed, whatever its report says.
import type { Report, TestFailure } from './report.ts'

export interface SuiteResult {
  readonly name: string
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly TestFailure[]
  readonly flaky: readonly TestFailure[]
  readonly ms: number
  /** Why the suite did not run; it then counts for nothing. */
  readonly notRun?: string
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly timedOut: boolean
  readonly ms: number
  /** The last thing the runner printed, and its last lines for a crash. */
  readonly lastLine: string
  readonly tail: string
}

export function judge(name: string, report: Report, ending: Ending, filtered: boolean): SuiteResult {
  const failures = [...report.failures, ...beyondTests(name, report, ending, filtered)]
  return { name, passed: report.passed, skipped: report.skipped, failures, flaky: report.flaky, ms: ending.ms }
}

function beyondTests(name: string, report: Report, ending: Ending, filtered: boolean): readonly TestFailure[] {
  if (ending.timedOut) {
    const saw =
      report.unfinished.length > 0 ? `still running: ${report.unfinished.join(', ')}` : `last output: ${ending.lastLine || '(none)'}`
    return [{ name: `${name} (hung)`, detail: `stopped after ${Math.round(ending.ms / 1000)} s; ${saw}` }]
  }
  const ran = report.passed + report.failures.length
  if (ending.code !== 0 && (report.failures.length === 0 || report.unfinished.length > 0)) {
    const how = ending.signal ? `died by ${ending.signal}` : `ended with exit code ${ending.code}`
    const during = report.unfinished.length > 0 ? ` during ${report.unfinished.join(', ')}` : ' without naming a failed test'
    return [{ name: `${name} (crashed)`, detail: `the runner ${how}${during}\n${ending.tail}`.trim() }]
  }
  if (ran === 0 && report.skipped === 0) {
    return [
      filtered
        ? { name: `${name} (no match)`, detail: 'the filter fits no test' }
        : { name: `${name} (empty)`, detail: `there are tests, but the runner ran none\n${ending.tail}`.trim() },
    ]
  }
  return []
}
