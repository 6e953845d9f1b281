// Long files: past 300 lines a warning, past 500 a failure. Tests and generated files are as long as they are.
import { readFileSync } from 'node:fs'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { count } from '../lib/text.ts'
import type { Check, Finding } from './check.ts'

const warnPast = 300
const failPast = 500

export const fileLength: Check = {
  name: 'file length',
  run: () => {
    const files = repoFiles().filter(hasLimit)
    return lengthFinding(files.map((path) => ({ path, text: readFileSync(inRepo(path), 'utf8') })))
  },
}

export function lengthFinding(files: readonly { path: string; text: string }[]): Finding {
  const long = files
    .filter(({ text }) => !isGenerated(text))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }))
    .filter(({ lines }) => lines > warnPast)
  return {
    problems: long
      .filter(({ lines }) => lines > failPast)
      .map(({ path, lines }) => `${path} has ${lines} lines, more than ${failPast}: give each of its ideas a file`),
    warnings: long.filter(({ lines }) => lines <= failPast).map(({ path, lines }) => `${path} has ${lines} lines: is that one idea?`),
    looked: count(files.length, 'file'),
  }
}

function hasLimit(path: string): boolean {
  return /\.(tsx?|go|py|sh)$/.test(path) && !isTest(path)
}

function isTest(path: string): boolean {
  return /(\.test\.tsx?$|_test\.go$|(^|\/)test_[^/]*\.py$|(^|\/)(test|tests|e2e)\/)/.test(path)
}

/** Go's wording, which generators for other languages follow too. */
function isGenerated(text: string): boolean {
  return /generated\b.*do not edit/i.test(text.split('\n').slice(0, 5).join('\n'))
}
