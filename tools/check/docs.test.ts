import { expect, test } from 'vitest'
import { linkProblems, runnableSnippets, strayOutputs } from './docs.ts'
import { parseMarkdown, slug } from './markdown.ts'

const files = new Set(['README.md', 'docs/flows.md', 'docs/adr/0001.md', 'packages/vmm/src/driver.ts'])

function problems(readme: string, flows = '# Flows\n\n## Create & fork\n') {
  return linkProblems(
    new Map([
      ['README.md', parseMarkdown(readme)],
      ['docs/flows.md', parseMarkdown(flows)],
    ]),
    files,
  )
}

test('links to files, folders, anchors and the outside', () => {
  const good =
    '[a](docs/flows.md) [b](docs/flows.md#create--fork) [c](docs/adr/) [d](https://example.com/x) [e](./packages/vmm/src/driver.ts)\n# Top\n[f](#top)'
  expect(problems(good)).toEqual([])
})

test('what does not resolve is named with its line', () => {
  expect(problems('x\n[a](docs/gone.md)\n[b](docs/flows.md#nowhere)\n[ref]: ./missing.md\n<img src="docs/no.png">')).toEqual([
    'README.md:2  links to docs/gone.md, which is not in the repository',
    'README.md:3  links to docs/flows.md#nowhere, but docs/flows.md has no heading for #nowhere',
    'README.md:4  links to ./missing.md, which is not in the repository',
    'README.md:5  links to docs/no.png, which is not in the repository',
  ])
})

test('links from a folder start there', () => {
  expect(problems('', '[up](../README.md) [wrong](README.md)')).toEqual([
    'docs/flows.md:1  links to README.md, which is not in the repository',
  ])
})

test('code is no place for links', () => {
  expect(problems('`[a](gone.md)`\n```md\n[a](gone.md)\n```\n')).toEqual([])
})

test('snippets carry language, marks and line', () => {
  const page = parseMarkdown('text\n```ts runnable\nconst a = 1\n```\n~~~~sh\n```\n~~~~\n')
  expect(page.snippets).toEqual([
    { language: 'ts', marks: ['runnable'], text: 'const a = 1', line: 3 },
    { language: 'sh', marks: [], text: '```', line: 6 },
  ])
  expect(runnableSnippets(page)).toHaveLength(1)
})

test('an output belongs to the runnable snippet right above it', () => {
  const page = (text: string) => strayOutputs('a.md', parseMarkdown(text))
  expect(page('```sh runnable\necho a\necho b\n```\n```text output\na\nb\n```\n')).toEqual([])
  expect(page('```sh\necho a\n```\n```text output\na\n```\n')).toHaveLength(1)
  expect(page('```sh runnable\necho a\n```\nand then\n```text output\na\n```\n')).toEqual([
    'a.md:6  an output that stands below no runnable snippet',
  ])
})

test('anchors are made as GitHub makes them', () => {
  expect(slug('Create & fork: `live`')).toBe('create--fork-live')
  expect(parseMarkdown('# A\n# A\n').anchors).toEqual(new Set(['a', 'a-1']))
})
