import * as fc from 'fast-check'
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
  type Step = { take: true } | { give: number } | { mark: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ take: fc.constant(true as const) }),
    fc.record({ give: fc.nat(7) }),
    fc.record({ mark: fc.nat(7) }),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const indices = new Indices(8)
      const out = new Set<number>()
      const apply = (one: Step): void => {
        if ('give' in one) {
          indices.give(one.give)
          out.delete(one.give)
          return
        }
        const index = 'mark' in one ? one.mark : indices.take()
        if ('mark' in one) indices.mark(one.mark, 'reserved')
        else if (index === null ? out.size < 8 : out.has(index)) throw new Error(`took ${index} while ${[...out]} were out`)
        if (index !== null) out.add(index)
      }
      for (const one of steps) apply(one)
      while (indices.take() !== null) continue
      expect(indices.in('making').length + indices.in('reserved').length).toBe(8)
    }),
  )
})
