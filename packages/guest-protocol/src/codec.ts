// A message as a value: its number, and how its fields are written and read.

import { Reader, Writer } from './bytes.ts'

export interface Codec<T> {
  readonly kind: number
  encode(value: T): Uint8Array
  decode(payload: Uint8Array): T
}

export const codec = <T>(kind: number, write: (w: Writer, value: T) => void, read: (r: Reader) => T): Codec<T> => ({
  kind,
  encode(value) {
    const w = new Writer()
    write(w, value)
    return w.bytes()
  },
  decode: (payload) => read(new Reader(payload)),
})

export const empty = (kind: number): Codec<null> =>
  codec(
    kind,
    () => {},
    () => null,
  )
