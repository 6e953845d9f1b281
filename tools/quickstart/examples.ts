// Runs the quick example in each language: the proof that the set-up works, and the first thing to read.
import { existsSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import { howItEnded, run, succeeded } from '../lib/run.ts'
import { indent } from '../lib/text.ts'
import { venvPython } from '../setup/python-venv.ts'

export interface Example {
  readonly file: string
  readonly command: readonly [string, ...string[]]
}

/** Those that this tree has. */
export function quickExamples(): readonly Example[] {
  const all: readonly Example[] = [
    { file: 'examples/quick.py', command: [venvPython] },
    { file: 'examples/quick.ts', command: [process.execPath, '--disable-warning=ExperimentalWarning'] },
  ]
  return all.filter(({ file }) => existsSync(inRepo(file)))
}

export async function runExample({ file, command: [program, ...flags] }: Example, say: (line: string) => void): Promise<string> {
  if (!existsSync(program)) return `skipped: ${program} is not here`
  const result = await run(program, [...flags, inRepo(file)], { timeoutMs: 5 * 60_000, onLine: say })
  if (!succeeded(result))
    throw new Error(`${file} ${howItEnded(result)}:\n${indent(result.output.trimEnd().split('\n').slice(-30).join('\n'))}`)
  return 'works'
}
