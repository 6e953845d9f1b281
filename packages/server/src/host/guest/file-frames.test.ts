import { LONGEST_FRAME } from '@nullspace/guest-protocol/files.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFileFrame, type FileFrame, FrameQueue } from './file-frames.ts'

const payload = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff)

test('frames come out as they went in, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 1, 5, 65_530, 65_536, 150_000, LONGEST_FRAME - 1), { minLength: 1, maxLength: 4 }),
      fc.array(fc.constantFrom(1, 3, 4, 5, 32_768, 65_536, 200_000), { minLength: 1, maxLength: 8 }),
      (lengths, cuts) => {
        const sent = lengths.map((length, i) => ({ kind: 0x10 + i, payload: payload(length, i) }))
        const bytes = Buffer.concat(sent.map((frame) => encodeFileFrame(frame.kind, frame.payload)))
        const queue = new FrameQueue()
        const got: FileFrame[] = []
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const length = cuts[cut % cuts.length] ?? 1
          queue.push(bytes.subarray(at, at + length))
          at += length
          // Sometimes several are waiting.
          if (cut % 2 === 0) for (let frame = queue.next(); frame; frame = queue.next()) got.push(frame)
        }
        for (let frame = queue.next(); frame; frame = queue.next()) got.push(frame)
        expect(got.map(({ kind }) => kind)).toEqual(sent.map(({ kind }) => kind))
        expect(got.every((frame, i) => Buffer.compare(frame.payload, sent[i]?.payload ?? Buffer.from('x')) === 0)).toBe(true)
        expect(queue.held).toBe(0)
      },
    ),
    { numRuns: 30 },
  )
})

test('what is held counts, the begun frame included', () => {
  const queue = new FrameQueue()
  const bytes = encodeFileFrame(1, payload(10, 0))
  queue.push(bytes.subarray(0, 3))
  expect([queue.next(), queue.held]).toEqual([null, 3])
  queue.push(bytes.subarray(3, 8))
  expect([queue.next(), queue.held]).toEqual([null, 8])
  queue.push(bytes.subarray(8))
  expect(queue.next()?.payload).toHaveLength(10)
})

test.each([0, LONGEST_FRAME + 1, 0xffff_ffff])('a length of %i is none, and nothing is awaited for it', (length) => {
  const queue = new FrameQueue()
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  queue.push(head)
  expect(() => queue.next()).toThrow(RangeError)
  expect(() => queue.next()).toThrow(RangeError)
})

test('a frame that would be too long is not made', () => {
  expect(() => encodeFileFrame(1, new Uint8Array(LONGEST_FRAME))).toThrow(RangeError)
  expect(encodeFileFrame(1, new Uint8Array(LONGEST_FRAME - 1))).toHaveLength(LONGEST_FRAME + 4)
})
