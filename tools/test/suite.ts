// A suite is one runner over one kind of test.
import type { SuiteResult } from './judge.ts'

export const suiteNames = ['check', 'unit', 'go', 'python', 'vm', 'e2e'] as const
export type SuiteName = (typeof suiteNames)[number]

/** What of the host set-up a suite cannot do without. */
export type Need = 'packages' | 'go' | 'image' | 'python'

export interface SuiteContext {
  /** Picks tests by what the runner filters by: file for vitest, name for go and pytest, step for check; '' is all. */
  readonly filter: string
  readonly env: NodeJS.ProcessEnv
  /** Called with a word on where the run is, for the sign of life. */
  readonly seen: (what: string) => void
}

export interface Suite {
  readonly name: SuiteName
  readonly needs: readonly Need[]
  /** Why this tree has nothing for the suite to run; undefined when it has. */
  readonly absent: () => string | undefined
  readonly run: (context: SuiteContext) => Promise<SuiteResult>
}
