// Big-endian fields in the order they are written; strings and lists carry their length in front (u32).

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Writer {
  #parts: Uint8Array[] = []

  u8(value: number): this {
    return this.#fixed(1, (v) => v.setUint8(0, value))
  }
  u16(value: number): this {
    return this.#fixed(2, (v) => v.setUint16(0, value))
  }
  u32(value: number): this {
    return this.#fixed(4, (v) => v.setUint32(0, value))
  }
  i32(value: number): this {
    return this.#fixed(4, (v) => v.setInt32(0, value))
  }
  u64(value: bigint): this {
    return this.#fixed(8, (v) => v.setBigUint64(0, value))
  }
  raw(value: Uint8Array): this {
    this.#parts.push(value)
    return this
  }
  str(value: string): this {
    const bytes = encoder.encode(value)
    return this.u32(bytes.length).raw(bytes)
  }
  list(values: readonly string[]): this {
    this.u32(values.length)
    for (const value of values) this.str(value)
    return this
  }
  bytes(): Uint8Array {
    const out = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }
  #fixed(size: number, set: (view: DataView) => void): this {
    const part = new Uint8Array(size)
    set(new DataView(part.buffer))
    return this.raw(part)
  }
}

/** Throws RangeError on a payload that ends early; callers treat that as a broken peer. */
export class Reader {
  #at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  /** Nothing is left: what a later generation added is not there. */
  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }
  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4))
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }
  str(): string {
    return decoder.decode(this.raw(this.u32()))
  }
  list(): string[] {
    const count = this.u32()
    const out: string[] = []
    for (let i = 0; i < count; i++) out.push(this.str())
    return out
  }
  #take(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length) throw new RangeError('message ends early')
    this.#at += length
    return at
  }
}
