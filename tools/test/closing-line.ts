// The last line of `npm test`, in a form that people and machines read.
import type { SuiteResult } from './judge.ts'

/** `12 passed, 0 failed`, with `, 3 skipped` when there are any. */
export function closingLine(results: readonly Pick<SuiteResult, 'passed' | 'failures' | 'skipped'>[]): string {
  const passed = results.reduce((sum, one) => sum + one.passed, 0)
  const failed = results.reduce((sum, one) => sum + one.failures.length, 0)
  const skipped = results.reduce((sum, one) => sum + one.skipped, 0)
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
