import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Indices } from './indices.ts'

it('uses the index longest given back first', () => {
  const indices = new Indices(3)
  expect([indices.take(), indices.take()]).toEqual([0, 1])
  indices.give(1)
  indices.give(0)
  indices.give(0)
  expect([indices.take(), indices.take(), indices.take(), indices.take()]).toEqual([2, 1, 0, null])
})

it('passes refused ones by and keeps their place', () => {
  const indices = new Indices(3)
  expect(indices.take((index) => index === 0)).toBe(1)
  expect(indices.take()).toBe(0)
})

it('refuses to mark what does not exist', () => expect(() => new Indices(3).mark(3, 'reserved')).toThrow('there is no network slot 3'))

it('never loses an index and never has one in two hands', () => {
  const step = fc.oneof(fc.constant('take' as const), fc.record({ give: fc.nat(7) }), fc.record({ mark: fc.nat(7) }))
  fc.assert(fc.property(fc.array(step), (steps) => {
    const indices = new Indices(8)
    const out = new Set<number>()
    for (const one of steps) {
      if (one === 'take') {
        const index = indices.take()
        expect(index === null).toBe(out.size === 8)
        if (index === null) continue
        expect(out.has(index)).toBe(false)
        out.add(index)
      } else if ('give' in one) {
        indices.give(one.give)
        out.delete(one.give)
      } else {
        indices.mark(one.mark, 'reserved')
        out.add(one.mark)
      }
    }
    while (indices.take() !== null) continue
    expect(indices.in('making').length + indices.in('reserved').length).toBe(8)
  }))
})
