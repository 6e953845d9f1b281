import { expect, test } from 'vitest'
import { parseGoReport } from './go-report.ts'
import { parseJunitReport } from './junit-report.ts'
import { parseVitestReport } from './vitest-report.ts'

const jsonLines = (...values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')

test('vitest: counts, details, and what was running when the report stops in the middle of a line', () => {
  const text = jsonLines(
    { kind: 'began', name: 'a' },
    { kind: 'passed', name: 'a', errors: [] },
    { kind: 'began', name: 'b' },
    { kind: 'failed', name: 'b', errors: ['expected 1', 'and 2'] },
    { kind: 'skipped', name: 'c', errors: [] },
    { kind: 'passed', name: 'e', errors: ['late'] },
    { kind: 'began', name: 'd' },
  )
  expect(parseVitestReport(`${text}{"kind":"pas`)).toEqual({
    passed: 2,
    skipped: 1,
    failures: [{ name: 'b', detail: 'expected 1\n\nand 2' }],
    flaky: [{ name: 'e', detail: 'late' }],
    unfinished: ['d'],
  })
})

test('vitest: without a test to name, what hangs is the file', () => {
  const text = jsonLines(
    { kind: 'file began', name: 'a.test.ts' },
    { kind: 'file began', name: 'b.test.ts' },
    { kind: 'file ended', name: 'a.test.ts' },
  )
  expect(parseVitestReport(text).unfinished).toEqual(['b.test.ts'])
})

test('vitest: two tests of one name are two tests', () => {
  const text = jsonLines({ kind: 'began', name: 'a' }, { kind: 'began', name: 'a' }, { kind: 'passed', name: 'a', errors: [] })
  expect(parseVitestReport(text)).toMatchObject({ passed: 1, unfinished: ['a'] })
})

test('go: tests, skips and failures with their output', () => {
  const text = jsonLines(
    { Action: 'run', Package: 'p', Test: 'TestA' },
    { Action: 'pass', Package: 'p', Test: 'TestA' },
    { Action: 'run', Package: 'p', Test: 'TestB' },
    { Action: 'output', Package: 'p', Test: 'TestB', Output: 'b_test.go:3: no\n' },
    { Action: 'fail', Package: 'p', Test: 'TestB' },
    { Action: 'skip', Package: 'p', Test: 'TestC' },
    { Action: 'run', Package: 'p', Test: 'TestD' },
    { Action: 'output', Package: 'p', Test: 'TestD', Output: 'panic: test timed out\n' },
    { Action: 'fail', Package: 'p' },
    { Action: 'run', Package: 'q', Test: 'TestE' },
  )
  expect(parseGoReport(text)).toEqual({
    passed: 1,
    skipped: 1,
    failures: [
      { name: 'p TestB', detail: 'b_test.go:3: no' },
      { name: 'p TestD', detail: 'panic: test timed out' },
    ],
    flaky: [],
    unfinished: ['q TestE'],
  })
})

test('go: a package that does not compile is one failure, with what the compiler said', () => {
  const text = jsonLines(
    { ImportPath: 'p [p.test]', Action: 'build-output', Output: './a.go:1: syntax error\n' },
    { ImportPath: 'p [p.test]', Action: 'build-fail' },
    { Action: 'fail', Package: 'p' },
  )
  expect(parseGoReport(text).failures).toEqual([{ name: 'p', detail: './a.go:1: syntax error' }])
})

test('junit: passed, failed, errored and skipped', () => {
  const xml = `<?xml version="1.0"?><testsuites><testsuite tests="4">
    <testcase classname="tests.test_a" name="test_ok" time="0.1" />
    <testcase classname="tests.test_a" name="test_no[a&gt;b]"><failure message="assert 1 == 2">def f():&#10;&gt;  assert 1 == 2</failure></testcase>
    <testcase classname="tests.test_a" name="test_err"><error message="boom &amp; bust" /></testcase>
    <testcase classname="tests.test_a" name="test_skip"><skipped message="later"/></testcase>
  </testsuite></testsuites>`
  expect(parseJunitReport(xml)).toEqual({
    passed: 1,
    skipped: 1,
    failures: [
      { name: 'tests.test_a > test_no[a>b]', detail: 'def f():\n>  assert 1 == 2' },
      { name: 'tests.test_a > test_err', detail: 'boom & bust' },
    ],
    flaky: [],
    unfinished: [],
  })
})
