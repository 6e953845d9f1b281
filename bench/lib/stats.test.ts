import { describe, expect, it } from 'vitest'
import { isHeld, quantile, ratio, summarise, throughput, unevenness } from './stats.ts'

describe('quantile', () => {
  it('lies between the nearest two in proportion', () => {
    expect([0, 0.5, 0.75, 1].map((q) => quantile([10, 20, 30, 40], q))).toEqual([10, 25, 32.5, 40])
  })
  it('is the only value of one, and there is none of nothing', () => {
    expect(quantile([7], 0.99)).toBe(7)
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })
})

describe('summary', () => {
  it('takes times from what succeeded, whatever its order, and counts what failed', () => {
    expect(summarise([3, undefined, 1, 2])).toEqual({ n: 4, successRate: 0.75, times: { min: 1, p50: 2, p95: 2.9, p99: 2.98, max: 3 } })
  })
  it('sorts numbers as numbers', () => {
    expect(summarise([100, 9, 20]).times?.p50).toBe(20)
  })
  it('has no times when nothing succeeded', () => {
    expect(summarise([undefined])).toEqual({ n: 1, successRate: 0, times: null })
    expect(summarise([])).toEqual({ n: 0, successRate: 0, times: null })
  })
})

describe('bars', () => {
  const bar = { name: 'a bar', limit: 2, atMost: true, unit: 'ms' } as const
  it('hold at the limit', () => {
    expect([1.9, 2, 2.1, null].map((value) => isHeld({ ...bar, value }))).toEqual([true, true, false, false])
    expect([1, 2].map((value) => isHeld({ ...bar, atMost: false, value }))).toEqual([false, true])
  })
  it('have no value without both sides', () => {
    expect([ratio(3, 2), ratio(undefined, 2), ratio(3, undefined), ratio(3, 0)]).toEqual([1.5, null, null, null])
  })
})

it('says throughput in MB/s', () => {
  expect([throughput(100e6, 2000), throughput(1, undefined), throughput(1, 0)]).toEqual([50, null, null])
})

it('tells by how much the slowest is behind', () => {
  expect([unevenness([2, 2, 2]), unevenness([1, 2, 6]), unevenness([])]).toEqual([1, 3, null])
})
