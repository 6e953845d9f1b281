// Markdown that tells the truth: relative links and anchors resolve, and snippets marked `runnable` at least parse.
// Whether a runnable snippet also does what it says is for e2e/docs.e2e.test.ts to try.
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { inRepo, repoFiles } from '../lib/repo.ts'
import { run, succeeded } from '../lib/run.ts'
import { count } from '../lib/text.ts'
import type { Check } from './check.ts'
import { parseMarkdown, type Markdown, type Snippet } from './markdown.ts'

export const docs: Check = {
  name: 'docs',
  run: async () => {
    const files = repoFiles()
    const pages = new Map(
      files.filter((path) => path.endsWith('.md')).map((path) => [path, parseMarkdown(readFileSync(inRepo(path), 'utf8'))]),
    )
    const snippets = [...pages].flatMap(([path, page]) => runnableSnippets(page).map((snippet) => ({ path, snippet })))
    const unparsed = await Promise.all(snippets.map(({ path, snippet }) => snippetProblem(path, snippet)))
    const looked = `${count(pages.size, 'page')}, ${count(snippets.length, 'runnable snippet')}`
    const stray = [...pages].flatMap(([path, page]) => strayOutputs(path, page))
    return { problems: [...linkProblems(pages, new Set(files)), ...unparsed.filter((one) => one !== undefined), ...stray], looked }
  },
}

/** Fences such as ```ts runnable. */
export function runnableSnippets(page: Markdown): readonly Snippet[] {
  return page.snippets.filter(({ marks }) => marks.includes('runnable'))
}

/** What a page shows as printed is only compared where it stands right below the snippet that prints it. */
export function strayOutputs(path: string, { snippets }: Markdown): readonly string[] {
  return snippets.flatMap(({ marks, line }, at) => {
    const above = snippets[at - 1]
    const belongs = above?.marks.includes('runnable') && above.line + above.text.split('\n').length + 2 === line
    return marks.includes('output') && !belongs ? [`${path}:${line}  an output that stands below no runnable snippet`] : []
  })
}

export function linkProblems(pages: ReadonlyMap<string, Markdown>, files: ReadonlySet<string>): readonly string[] {
  const dirs = new Set([...files].flatMap(parents))
  return [...pages].flatMap(([path, page]) =>
    page.links.flatMap(({ target, line }) => {
      if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) return []
      const [file = '', anchor = ''] = target.split('#')
      const to =
        file === '' ? path : posix.join(file.startsWith('/') ? '' : posix.dirname(path), decodeURIComponent(file)).replace(/^\/|\/$/g, '')
      if (!files.has(to) && !dirs.has(to) && to !== '.') return [`${path}:${line}  links to ${target}, which is not in the repository`]
      const anchors = pages.get(to)?.anchors
      return anchor !== '' && anchors && !anchors.has(anchor)
        ? [`${path}:${line}  links to ${target}, but ${to} has no heading for #${anchor}`]
        : []
    }),
  )
}

function parents(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

async function snippetProblem(path: string, { language, text, line }: Snippet): Promise<string | undefined> {
  const reason = await parseError(language, text)
  return reason === undefined ? undefined : `${path}:${line}  a snippet marked runnable does not parse: ${reason}`
}

async function parseError(language: string, text: string): Promise<string | undefined> {
  switch (language) {
    case 'ts':
    case 'typescript':
    case 'js':
      return parseSync('snippet.ts', text).errors[0]?.message
    case 'json':
      try {
        JSON.parse(text)
        return undefined
      } catch (error) {
        return String(error)
      }
    case 'sh':
    case 'bash':
      return said('bash', ['-n', '-c', text])
    case 'py':
    case 'python':
      return said('python3', ['-c', 'import ast, sys; ast.parse(sys.argv[1])', text])
    default:
      return `nobody here knows how to run "${language}"`
  }
}

async function said(command: string, args: readonly string[]): Promise<string | undefined> {
  const result = await run(command, args, { timeoutMs: 20_000 })
  return succeeded(result) || result.notFound ? undefined : result.lastLine
}
