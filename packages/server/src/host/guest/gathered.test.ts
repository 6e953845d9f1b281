// Bytes in the smallest of pieces.

import { expect, test } from 'vitest'
import { Gathered } from './gathered.ts'

test('pieces of any size come out as they came in', () => {
  const pieces = [0, 1, 255, 1, 256, 70_000, 3, 0, 1].map((bytes, at) => Buffer.alloc(bytes, at))
  const gathered = new Gathered()
  for (const piece of pieces) gathered.add(piece)
  expect(gathered.whole().equals(Buffer.concat(pieces))).toBe(true)
  expect(gathered.bytes).toBe(gathered.whole().length)
})

test('a piece for each byte takes hardly more memory than the bytes', () => {
  const gathered = new Gathered()
  for (let i = 0; i < 1024 * 1024; i++) gathered.add(new Uint8Array([i]))
  expect(gathered.whole().buffer.byteLength).toBeLessThanOrEqual(2 * 1024 * 1024)
  expect(gathered.whole().subarray(1000, 1003)).toEqual(Buffer.from([1000, 1001, 1002]))
})
