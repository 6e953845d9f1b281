import { expect, test } from 'vitest'
import { closingLine } from './closing-line.ts'
import { judge, type Ending } from './judge.ts'
import { emptyReport } from './report.ts'

const ended: Ending = { code: 0, signal: null, timedOut: false, ms: 2_000, lastLine: 'bye', tail: 'last words' }
const some = { ...emptyReport, passed: 3 }
const failure = { name: 'a', detail: 'no' }

function named(...args: Parameters<typeof judge>): readonly string[] {
  return judge(...args).failures.map(({ name }) => name)
}

test('all passed', () => {
  expect(judge('unit', some, ended, false)).toEqual({ name: 'unit', passed: 3, skipped: 0, failures: [], flaky: [], ms: 2_000 })
})

test('failed tests explain the exit code and are not counted twice', () => {
  expect(named('unit', { ...some, failures: [failure] }, { ...ended, code: 1 }, false)).toEqual(['a'])
})

test('an exit code that no failed test explains is a crash', () => {
  const result = judge('unit', some, { ...ended, code: 1 }, false)
  expect(result.failures).toEqual([
    { name: 'unit (crashed)', detail: 'the runner ended with exit code 1 without naming a failed test\nlast words' },
  ])
  expect(named('unit', some, { ...ended, code: null, signal: 'SIGSEGV' }, false)).toEqual(['unit (crashed)'])
})

test('a crash in the middle counts beside the failures before it', () => {
  const report = { ...some, failures: [failure], unfinished: ['b'] }
  expect(named('vm', report, { ...ended, code: 134 }, false)).toEqual(['a', 'vm (crashed)'])
})

test('a hanging suite is named with what it last saw', () => {
  const hung = { ...ended, code: null, signal: 'SIGTERM', timedOut: true, ms: 60_000 } as const
  expect(judge('vm', { ...some, unfinished: ['fork > keeps memory'] }, hung, false).failures).toEqual([
    { name: 'vm (hung)', detail: 'stopped after 60 s; still running: fork > keeps memory' },
  ])
  expect(judge('go', emptyReport, hung, false).failures[0]?.detail).toBe('stopped after 60 s; last output: bye')
})

test('running nothing where there are tests is a failure', () => {
  expect(named('e2e', emptyReport, ended, false)).toEqual(['e2e (empty)'])
  expect(named('e2e', emptyReport, ended, true)).toEqual(['e2e (no match)'])
  expect(named('e2e', { ...emptyReport, skipped: 2 }, ended, false)).toEqual([])
})

test('the closing line adds up, and speaks of skipped tests only when there are any', () => {
  expect(closingLine([])).toBe('0 passed, 0 failed')
  expect(
    closingLine([
      { passed: 3, failures: [], skipped: 0 },
      { passed: 2, failures: [failure], skipped: 0 },
    ]),
  ).toBe('5 passed, 1 failed')
  expect(closingLine([{ passed: 1, failures: [], skipped: 4 }])).toBe('1 passed, 0 failed, 4 skipped')
})
