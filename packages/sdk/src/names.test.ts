import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOfName, inQuery, nameOfBytes } from './names.ts'

test.each<[string, number[], string]>([
  ['text', [0x61, 0xc3, 0xa9], 'aé'],
  ['a byte that is none', [0x61, 0xff, 0x62], 'a\udcffb'],
  ['a character that is cut', [0xf0, 0x9f, 0xa6], '\udcf0\udc9f\udca6'],
  ['a byte within text of two and four bytes', [0xc3, 0xa9, 0x80, 0xf0, 0x9f, 0xa6, 0x9c], 'é\udc80🦜'],
  ['a surrogate in UTF-8, which there is none', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  ['a character that is longer than it need be', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['past the last character', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
])('%s', (_, bytes, name) => {
  expect(nameOfBytes(Uint8Array.from(bytes))).toBe(name)
  expect([...bytesOfName(name)]).toEqual(bytes)
})

test('every name comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect([...bytesOfName(nameOfBytes(bytes))]).toEqual([...bytes])
    }),
  )
})

test('in a query a byte is itself, and what stands for none is U+FFFD', () => {
  expect(inQuery('a/b c&é')).toBe('a%2Fb%20c%26%C3%A9')
  expect(inQuery('é\udcff+🦜')).toBe('%C3%A9%FF%2B%F0%9F%A6%9C')
  expect(inQuery('\ud800')).toBe('%EF%BF%BD')
})
