import { readFileSync } from 'node:fs'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { DATA, FILE_MESSAGES } from './files.ts'

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

interface FileVector {
  readonly message: string
  readonly name: string
  readonly kind: number
  readonly hex: string
  readonly value: Plain
}

interface AnyCodec {
  readonly kind: number
  encode(value: unknown): Uint8Array
  decode(payload: Uint8Array): unknown
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/files.json', import.meta.url), 'utf8')) as FileVector[]
const codecs = FILE_MESSAGES as unknown as Readonly<Record<string, AnyCodec>>

function codecOf(message: string): AnyCodec {
  const codec = codecs[message]
  if (!codec) throw new Error(`no message ${message}`)
  return codec
}

/** As the vectors have it: 64-bit numbers in decimal. */
function plain(value: unknown): Plain {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]))
  return value as Plain
}

describe('shared vectors of files', () => {
  it.each(vectors)('$message: $name', (vector) => {
    const codec = codecOf(vector.message)
    expect(codec.kind).toBe(vector.kind)
    const value = codec.decode(Buffer.from(vector.hex, 'hex'))
    expect(plain(value)).toEqual(vector.value)
    expect(Buffer.from(codec.encode(value)).toString('hex')).toBe(vector.hex)
  })

  it('cover every message', () => {
    expect(new Set(vectors.map((v) => v.message))).toEqual(new Set(Object.keys(codecs)))
  })

  it('have a kind of their own each', () => {
    const kinds = [DATA, ...Object.values(codecs).map((codec) => codec.kind)]
    expect(new Set(kinds).size).toBe(kinds.length)
  })
})

describe('decoding', () => {
  it.each(vectors.filter((v) => v.hex !== ''))('refuses a cut $message: $name', ({ message, hex }) => {
    const bytes = Buffer.from(hex, 'hex')
    for (let length = 0; length < bytes.length; length++) {
      expect(() => codecOf(message).decode(bytes.subarray(0, length))).toThrow(RangeError)
    }
  })

  it.each(Object.keys(codecs))('of random bytes as %s gives a value or a RangeError', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          codecOf(name).decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })
})
