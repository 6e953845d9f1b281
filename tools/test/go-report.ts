// Reads the output of `go test -json`.
import type { Report, TestFailure } from './report.ts'

interface GoLine {
  readonly Action: string
  readonly Package?: string
  readonly ImportPath?: string
  readonly Test?: string
  readonly Output?: string
}

/** Counts leaves and parents alike, as Go does; a package that fails without a failed test (it does not compile) counts as one. */
export function parseGoReport(text: string): Report {
  let passed = 0
  let skipped = 0
  const failures: TestFailure[] = []
  const open = new Set<string>()
  const output = new Map<string, string>()
  const failedPackages = new Set<string>()

  for (const line of parseLines(text)) {
    const unit = line.Package ?? line.ImportPath?.replace(/ .*/, '') ?? ''
    const key = line.Test === undefined ? unit : `${unit} ${line.Test}`
    if (line.Action === 'output' || line.Action === 'build-output') output.set(key, (output.get(key) ?? '') + (line.Output ?? ''))
    if (line.Test !== undefined) {
      if (line.Action === 'run') open.add(key)
      if (line.Action === 'pass') passed++
      if (line.Action === 'skip') skipped++
      if (line.Action === 'fail') {
        failures.push({ name: key, detail: (output.get(key) ?? '').trim() })
        failedPackages.add(unit)
      }
      if (['pass', 'skip', 'fail'].includes(line.Action)) open.delete(key)
    } else if (line.Action === 'fail') {
      // A test that ends its process (a panic, Go's own time limit) gets no verdict of its own.
      const cut = [...open].filter((one) => one.startsWith(`${unit} `))
      for (const one of cut) {
        failures.push({ name: one, detail: (output.get(one) ?? '').trim() })
        open.delete(one)
      }
      if (cut.length === 0 && !failedPackages.has(unit)) failures.push({ name: unit, detail: (output.get(unit) ?? '').trim() })
    }
  }
  return { passed, skipped, failures, flaky: [], unfinished: [...open] }
}

function parseLines(text: string): readonly GoLine[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      return [JSON.parse(line) as GoLine]
    } catch {
      return []
    }
  })
}
