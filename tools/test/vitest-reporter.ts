// A vitest reporter that writes one JSON line per happening, so that a run that hangs or is killed still tells what it saw.
import { appendFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { VitestLine } from './vitest-report.ts'

export const reportFileVariable = 'NULLSPACE_TEST_REPORT'

// vitest loads a reporter by its default export.
export default class LineReporter implements Reporter {
  readonly #file: string

  constructor() {
    const file = process.env[reportFileVariable]
    if (!file) throw new Error(`${reportFileVariable} must name the file to write to`)
    this.#file = file
  }

  onTestModuleQueued(module: TestModule): void {
    this.#write({ kind: 'file began', name: module.relativeModuleId })
  }

  onTestCaseReady(test: TestCase): void {
    this.#write({ kind: 'began', name: nameOf(test) })
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result()
    if (state === 'pending') return
    this.#write({ kind: state, name: nameOf(test), errors: (errors ?? []).map(textOf) })
  }

  onTestModuleEnd(module: TestModule): void {
    this.#write({ kind: 'file ended', name: module.relativeModuleId })
    // A file that does not load, or whose hooks fail, has no test case to carry the error.
    const errors = [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())].map(textOf)
    if (errors.length > 0) this.#write({ kind: 'failed', name: module.relativeModuleId, errors })
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const error of unhandled) this.#write({ kind: 'failed', name: 'unhandled error', errors: [textOf(error)] })
  }

  #write(line: VitestLine): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}

function textOf({ message, stack, diff }: { message?: string; stack?: string; diff?: string }): string {
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !/\/node_modules\/|\(?node:|<anonymous>/.test(line))
  return [message, diff, ...frames.slice(0, 6)].filter((part) => part !== undefined && part !== '').join('\n')
}
