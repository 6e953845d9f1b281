// Reads what vitest-reporter.ts wrote.
import type { Report, TestFailure } from './report.ts'

export type VitestLine =
  | { readonly kind: 'began' | 'file began' | 'file ended'; readonly name: string }
  | { readonly kind: 'passed' | 'failed' | 'skipped'; readonly name: string; readonly errors: readonly string[] }

export function parseVitestReport(text: string): Report {
  let passed = 0
  let skipped = 0
  const failures: TestFailure[] = []
  const flaky: TestFailure[] = []
  const open = new Map<string, number>()
  const files = new Set<string>()
  for (const line of parseLines(text)) {
    if (line.kind === 'file began') files.add(line.name)
    else if (line.kind === 'file ended') files.delete(line.name)
    else if (line.kind === 'began') open.set(line.name, (open.get(line.name) ?? 0) + 1)
    if (!('errors' in line)) continue
    const left = (open.get(line.name) ?? 0) - 1
    if (left > 0) open.set(line.name, left)
    else open.delete(line.name)
    const told = { name: line.name, detail: line.errors.join('\n\n') }
    if (line.kind === 'failed') failures.push(told)
    else if (line.kind === 'skipped') skipped++
    else {
      passed++
      // The errors of a test that passed are those of an earlier try.
      if (line.errors.length > 0) flaky.push(told)
    }
  }
  // A test that blocks its worker is never announced; its file is all there is to name.
  return { passed, skipped, failures, flaky, unfinished: open.size > 0 ? [...open.keys()] : [...files] }
}

function parseLines(text: string): readonly VitestLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as VitestLine]
    } catch {
      // The last line of a killed run may be half written.
      return []
    }
  })
}
