import { expect, test } from 'vitest'
import { textProblems } from './hygiene.ts'

const machinePath = ['', 'work', 'main'].join('/')
const registry = ['registry.npmjs', 'org'].join('.')

test.each([`cd ${machinePath}`, `see https://${registry}/fastify`, '<'.repeat(7) + ' HEAD', '='.repeat(7)])('%s is found', (line) => {
  const problems = textProblems('docs/a.md', `fine\n${line}\n`)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(/^docs\/a\.md:2 {2}/)
})

test.each(['the /workspace of a guest', 'net/work/x', 'src/work/list.ts', '$HOME/work/x', 'Title\n====='])('%s is fine', (line) => {
  expect(textProblems('docs/a.md', line)).toEqual([])
})
