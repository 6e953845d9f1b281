import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { decodeSums, encodeSums, PAGE_BYTES, sumPages } from './sums-format.ts'

const some = { pages: 1000, runs: Uint32Array.of(3, 2, 700, 256, 956, 1), sums: Uint32Array.from({ length: 259 }, (_, page) => page * 7) }

const refusal = (file: Buffer): string => {
  try {
    decodeSums(file, 'sums')
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  }
  return 'accepted'
}
/** With `value` at `index`, counted in fours after the magic, and the file's checksum right again. */
const changed = (index: number, value: number): Buffer => {
  const file = encodeSums(some)
  file.writeUInt32LE(value, 16 + index * 4)
  file.writeUInt32LE(crc32(file.subarray(32), crc32(file.subarray(0, 28))), 28)
  return file
}

test('gives back what was put in, wherever in memory it lies', () => {
  const file = encodeSums(some)
  const apart = Buffer.alloc(file.length + 1)
  file.copy(apart, 1)
  for (const copy of [file, apart.subarray(1)]) expect(decodeSums(copy, 'sums')).toEqual(some)
  const none = { pages: 5, runs: new Uint32Array(), sums: new Uint32Array() }
  expect(decodeSums(encodeSums(none), 'sums')).toEqual(none)
})

test('a sum per page', () => {
  const bytes = Buffer.alloc(2 * PAGE_BYTES)
  bytes[PAGE_BYTES] = 1
  const sums = new Uint32Array(3)
  sumPages(bytes, sums, 1)
  expect([...sums]).toEqual([0, crc32(Buffer.alloc(PAGE_BYTES)), crc32(bytes.subarray(PAGE_BYTES))])
})

test('any byte that is changed, and any end that is too early, is seen', () => {
  const file = encodeSums({ ...some, runs: Uint32Array.of(3, 2), sums: Uint32Array.of(1, 2) })
  for (let at = 0; at < file.length; at++) {
    const copy = Buffer.from(file)
    copy[at] = (copy[at] ?? 0) ^ 1
    expect(refusal(copy)).toMatch(/^(bad|incompatible)_snapshot/)
    expect(refusal(file.subarray(0, at))).toMatch(/^bad_snapshot/)
  }
})

test('runs that cannot be are refused even when the checksum is right', () => {
  expect(changed(0, 1)).toEqual(encodeSums(some))
  const refusals = {
    'another format': refusal(changed(0, 2)),
    'fewer pages': refusal(changed(1, 956)),
    'more runs than there are bytes': refusal(changed(2, 4_000_000_000)),
    'fewer runs': refusal(changed(2, 2)),
    'beyond the end': refusal(changed(8, 4_000_000_000)),
    'an empty run': refusal(changed(5, 0)),
    'a long run': refusal(changed(7, 257)),
    'one before the other': refusal(changed(6, 4)),
  }
  expect(refusals).toMatchInlineSnapshot(`
    {
      "a long run": "bad_snapshot: sums is damaged: no such run of pages: 257 from 700",
      "an empty run": "bad_snapshot: sums is damaged: no such run of pages: 0 from 3",
      "another format": "incompatible_snapshot: sums has format 2; this release reads 1",
      "beyond the end": "bad_snapshot: sums is damaged: no such run of pages: 1 from 4000000000",
      "fewer pages": "bad_snapshot: sums is damaged: no such run of pages: 1 from 956",
      "fewer runs": "bad_snapshot: sums is damaged: pages and checksums differ in number",
      "more runs than there are bytes": "bad_snapshot: sums is damaged: it ends among its runs",
      "one before the other": "bad_snapshot: sums is damaged: no such run of pages: 256 from 4",
    }
  `)
})
