import { expect, test } from 'vitest'
import { UsageRing } from './usage-ring.ts'

test.each([1, 3, 16, 17, 100])('keeps the newest %i rows, oldest first', (most) => {
  const ring = new UsageRing(2, most)
  expect(ring.rows()).toEqual([])
  for (let n = 0; n < 250; n++) {
    ring.push([n, -n])
    const first = Math.max(0, n + 1 - most)
    expect(ring.rows()).toEqual(Array.from({ length: Math.min(most, n + 1) }, (_, i) => [first + i, -first - i]))
  }
  expect(() => ring.push([1])).toThrow('a row has 2 numbers')
})
