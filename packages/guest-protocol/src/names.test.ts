import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { bytesOfName, nameOfBytes } from './names.ts'

const character = fc
  .integer({ min: 0, max: 0x10ffff })
  .map((point) => String.fromCodePoint(point))
  .filter((text) => text.isWellFormed())
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('a name', () => {
  it.each([
    ['text', bytes(0x61, 0xc3, 0xbc), 'aü'],
    ['a byte that begins nothing', bytes(0x61, 0xff, 0x62), 'a\udcffb'],
    ['a character that is cut', bytes(0xe2, 0x82), '\udce2\udc82'],
    ['a cut character before a whole one', bytes(0xf0, 0x9f, 0xf0, 0x9f, 0x98, 0x80), '\udcf0\udc9f😀'],
    ['a slash written too long', bytes(0xc0, 0xaf), '\udcc0\udcaf'],
    ['half of a pair', bytes(0xed, 0xa0, 0xbd), '\udced\udca0\udcbd'],
    ['a mark in front, which is part of it', bytes(0xef, 0xbb, 0xbf, 0x61), '\ufeffa'],
    ['nothing', bytes(), ''],
  ])('of %s', (_, raw, text) => {
    expect(nameOfBytes(raw)).toBe(text)
    expect(bytesOfName(text)).toEqual(raw)
  })

  it('comes back as the bytes that it was', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      character.map((text) => new TextEncoder().encode(text)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const raw = Uint8Array.from(pieces.flatMap((one) => [...one]))
        expect(bytesOfName(nameOfBytes(raw))).toEqual(raw)
      }),
    )
  })

  it('of text comes back as the text that it was', () => {
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        const text = characters.join('')
        expect(nameOfBytes(bytesOfName(text))).toBe(text)
      }),
    )
  })

  it('cannot hold a half pair that stands for no byte', () => {
    expect(bytesOfName('\ud800')).toEqual(bytes(0xef, 0xbf, 0xbd))
  })
})
