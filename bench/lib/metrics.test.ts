import { expect, it } from 'vitest'
import { grown, parseMetrics, stepTimes } from './metrics.ts'

const step = (workflow: string, name: string, sum: number, count: number): string =>
  ['sum', 'count']
    .map((part, i) => `nullspace_workflow_step_seconds_${part}{workflow="${workflow}",step="${name}",outcome="done"} ${[sum, count][i]}`)
    .join('\n')

it('reads values by name and labels', () => {
  const values = parseMetrics('# HELP a b c\n# TYPE a counter\na 3\nb{path="x y",z="1"} 1.5e-3\n')
  expect([...values]).toEqual([
    ['a', 3],
    ['b{path="x y",z="1"}', 0.0015],
  ])
})

it('counts from nothing what was not there before', () => {
  expect(grown(parseMetrics(''), parseMetrics('a 3'), 'a')).toBe(3)
  expect(grown(parseMetrics('a 1'), parseMetrics('a 3'), 'a')).toBe(2)
})

it('says how long steps took between two looks, and leaves out those that did not run', () => {
  const before = parseMetrics(`${step('fork', 'capture', 1, 10)}\n${step('create', 'greet', 5, 5)}`)
  const after = parseMetrics(`${step('fork', 'capture', 1.5, 12)}\n${step('create', 'greet', 5, 5)}\n${step('branch', 'bringUp', 3, 4)}`)
  expect(stepTimes(before, after)).toEqual([
    { workflow: 'fork', step: 'capture', count: 2, meanMs: 250 },
    { workflow: 'branch', step: 'bringUp', count: 4, meanMs: 750 },
  ])
})
