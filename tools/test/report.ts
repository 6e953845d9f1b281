// What a test runner said, in one shape for all of them.

export interface TestFailure {
  readonly name: string
  readonly detail: string
}

export interface Report {
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly TestFailure[]
  /** Tests that failed and then passed when CI ran them once more; they count as passed, and are told. */
  readonly flaky: readonly TestFailure[]
  /** Tests that had begun and not ended when the report stopped. */
  readonly unfinished: readonly string[]
}

export const emptyReport: Report = { passed: 0, skipped: 0, failures: [], flaky: [], unfinished: [] }
