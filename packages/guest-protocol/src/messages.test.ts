import { readFileSync } from 'node:fs'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import * as messages from './messages.ts'

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

interface MessageVector {
  message: string
  name: string
  kind: number
  hex: string
  /** Bytes at the end that another generation does not send. */
  added?: number
  value: Plain
}

interface AnyCodec {
  readonly kind: number
  encode(value: unknown): Uint8Array
  decode(payload: Uint8Array): unknown
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/messages.json', import.meta.url), 'utf8')) as MessageVector[]
const isCodec = (value: unknown): value is AnyCodec => typeof value === 'object' && value !== null && 'encode' in value && 'decode' in value
const codecs = new Map<string, AnyCodec>()
for (const [name, value] of Object.entries<unknown>(messages)) if (isCodec(value)) codecs.set(name, value)

/** As the vectors have it: bytes in hex, 64-bit numbers in decimal. */
function plain(value: unknown): Plain {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]))
  return value as Plain
}

describe('shared vectors', () => {
  it.each(vectors)('$message: $name', (vector) => {
    const codec = codecs.get(vector.message)
    if (!codec) throw new Error(`no message ${vector.message}`)
    expect(codec.kind).toBe(vector.kind)
    const value = codec.decode(Buffer.from(vector.hex, 'hex'))
    expect(plain(value)).toEqual(vector.value)
    expect(Buffer.from(codec.encode(value)).toString('hex')).toBe(vector.hex)
  })

  it('cover every message', () => {
    expect(new Set(vectors.map((v) => v.message))).toEqual(new Set(codecs.keys()))
  })
})

describe('decoding', () => {
  it('of a renewal without the disconnect of generation 2 gives one that keeps connections', () => {
    const whole = vectors.find(({ name }) => name === 'with renewal that disconnects')?.hex ?? ''
    expect(messages.Hello.decode(Buffer.from(whole, 'hex')).renew).toHaveProperty('disconnect', true)
    for (const older of [whole.slice(0, -2), `${whole.slice(0, -2)}00`])
      expect(messages.Hello.decode(Buffer.from(older, 'hex')).renew).not.toHaveProperty('disconnect')
  })

  it.each(vectors.filter((v) => v.hex !== ''))('refuses a cut $message: $name', (vector) => {
    const bytes = Buffer.from(vector.hex, 'hex')
    // What a later generation added may be missing: without it the message is whole.
    for (let length = 0; length < bytes.length - (vector.added ?? 0); length++) {
      expect(() => codecs.get(vector.message)?.decode(bytes.subarray(0, length))).toThrow(RangeError)
    }
  })

  it.each([...codecs.keys()])('of random bytes as %s gives a value or a RangeError', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          codecs.get(name)?.decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })
})
