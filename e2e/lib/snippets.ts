// Snippets of the pages: fences marked `runnable`, each with what the page says it prints, where it says so.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Snippet {
  /** `page:line` of the first line inside the fence. */
  readonly at: string
  readonly language: string
  readonly text: string
  /** Of the fence marked `output` right below it. */
  readonly output: string | undefined
}

const PAGES = ['README.md', 'docs/**/*.md']
const RUNNABLE = /^```(\w+) runnable\n([^]*?)^```\n(?:```text output\n([^]*?)^```$)?/gm

export function runnableSnippets(repo: string): readonly Snippet[] {
  const pages = globSync(PAGES, { cwd: repo }).toSorted()
  return pages.flatMap((page) => {
    const text = readFileSync(join(repo, page), 'utf8')
    return [...text.matchAll(RUNNABLE)].map(({ index, 1: language = '', 2: code = '', 3: output }) => {
      const line = text.slice(0, index).split('\n').length + 1
      return { at: `${page}:${line}`, language, text: code, output }
    })
  })
}

/** What stands for anything within a line is written as one character; runs of spaces are columns, whose width is no matter. */
export function matcherOf(output: string): RegExp {
  const line = (text: string): string => text.split('…').map(spaced).join('.*')
  return new RegExp(`^${output.trimEnd().split('\n').map(line).join('\\n')}$`)
}

const spaced = (text: string): string =>
  text
    .split(/ +/)
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join(' +')
