import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeSums } from './merge-sums.ts'
import { decodeSums, encodeSums, type MemorySums, RUN_PAGES } from './sums-format.ts'

const PAGES = 1000

/** As a capture writes it: runs of neighbours, none longer than one read. */
function sumsOf(pages: ReadonlyMap<number, number>): MemorySums {
  const runs: number[] = []
  const sums: number[] = []
  for (const [page, sum] of [...pages].toSorted(([a], [b]) => a - b)) {
    const [first = -1, length = 0] = [runs.at(-2), runs.at(-1)]
    if (first >= 0 && first + length === page && length < RUN_PAGES) runs[runs.length - 1] = length + 1
    else runs.push(page, 1)
    sums.push(sum)
  }
  return { pages: PAGES, runs: Uint32Array.from(runs), sums: Uint32Array.from(sums) }
}

const memory = fc.array(fc.tuple(fc.nat(PAGES - 1), fc.nat(0xffffffff))).map((pages) => new Map(pages))

test('every page of either is there once, and of a page that both have the newer sum', () => {
  fc.assert(
    fc.property(memory, memory, (newer, older) => {
      const merged = mergeSums(sumsOf(newer), sumsOf(older))
      expect(merged).toEqual(sumsOf(new Map([...older, ...newer])))
      // What is written is what a reader accepts.
      expect(decodeSums(encodeSums(merged), 'merged')).toEqual(merged)
    }),
  )
})
