import { readFileSync } from 'node:fs'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { encodeFrame, encodeMessage, FLAG_MORE, FLUSH_BYTES, type Frame, FrameReader, MAX_PAYLOAD } from './frame.ts'

interface StreamVector {
  name: string
  hex: string
  skipped: number
  frames: { session: string; stream: number; kind: number; flags: number; payload: string }[]
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/frames.json', import.meta.url), 'utf8')) as StreamVector[]
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Pushes the bytes in pieces of the sizes given, over and over. */
function readAll(reader: FrameReader, bytes: Uint8Array, sizes: readonly number[] = [bytes.length || 1]): Frame[] {
  const frames: Frame[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    frames.push(...reader.push(bytes.subarray(at, at + size)))
    at += size
  }
  return frames
}

const anyFrame = fc.record({
  session: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  stream: fc.nat({ max: 0xffffffff }),
  kind: fc.nat({ max: 255 }),
  flags: fc.constantFrom(0, FLAG_MORE),
  payload: fc.uint8Array({ maxLength: 300 }),
})
// Made of the bytes that headers are made of, so that look-alikes are frequent.
const garbage = fc
  .array(fc.constantFrom(0x4e, 0x53, 0x46, 0x31, 0x00, 0x80, 0xff), { maxLength: 200 })
  .map((bytes) => Uint8Array.from(bytes))
const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 })

describe('shared vectors', () => {
  it.each(vectors)('$name', (vector) => {
    for (const size of [1, 5, vector.hex.length]) {
      const reader = new FrameReader()
      const frames = readAll(reader, new Uint8Array(Buffer.from(vector.hex, 'hex')), [size])
      const seen = frames.map((f) => ({ ...f, session: f.session.toString(16).padStart(16, '0'), payload: hex(f.payload) }))
      expect(seen).toEqual(vector.frames)
      expect(reader.skipped).toBe(vector.skipped)
    }
  })
})

describe('FrameReader', () => {
  it('finds every frame however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 10 }), sizes, (frames, cut) => {
        const reader = new FrameReader()
        expect(readAll(reader, join(frames.map(encodeFrame)), cut)).toEqual(frames)
        expect(reader.skipped).toBe(0)
      }),
    )
  })

  it('finds a frame behind garbage and half frames once these are flushed', () => {
    const part = fc.oneof(
      garbage,
      fc.tuple(anyFrame, fc.nat({ max: 300 })).map(([frame, cut]) => encodeFrame(frame).subarray(0, cut)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), anyFrame, sizes, (before, last, cut) => {
        const bytes = join([...before, new Uint8Array(FLUSH_BYTES), encodeFrame(last)])
        expect(readAll(new FrameReader(), bytes, cut).at(-1)).toEqual(last)
      }),
    )
  })

  it('loses nothing and invents nothing in random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), garbage, sizes, (random, alike, cut) => {
        const bytes = join([random, alike])
        const reader = new FrameReader()
        const inFrames = readAll(reader, bytes, cut).reduce((sum, frame) => sum + encodeFrame(frame).length, 0)
        expect(inFrames + reader.skipped).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })
})

describe('encodeMessage', () => {
  it('splits what is larger than a frame', () => {
    const payload = new Uint8Array(2 * MAX_PAYLOAD + 1).fill(7)
    const frames = readAll(new FrameReader(), join([...encodeMessage(9n, 4, 0x10, payload)]))
    expect(frames.map((f) => [f.payload.length, f.flags])).toEqual([
      [MAX_PAYLOAD, FLAG_MORE],
      [MAX_PAYLOAD, FLAG_MORE],
      [1, 0],
    ])
  })

  it('gives an empty message one frame', () => {
    expect([...encodeMessage(9n, 4, 0x10, new Uint8Array(0))]).toHaveLength(1)
  })

  it('refuses a payload that no frame can carry', () => {
    expect(() => encodeFrame({ session: 1n, stream: 1, kind: 1, flags: 0, payload: new Uint8Array(MAX_PAYLOAD + 1) })).toThrow(RangeError)
  })
})
