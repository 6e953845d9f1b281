// Bytes that come in pieces, however small a guest makes them: held in no more than twice the memory that they take.

const FIRST_BYTES = 256

export class Gathered {
  #held = Buffer.alloc(0)
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(piece: Uint8Array): void {
    const bytes = this.#bytes + piece.length
    if (bytes > this.#held.length) {
      const more = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, bytes, 2 * this.#bytes))
      this.#held.copy(more, 0, 0, this.#bytes)
      this.#held = more
    }
    this.#held.set(piece, this.#bytes)
    this.#bytes = bytes
  }

  /** Of what has come until now; not to be added to after it. */
  whole(): Buffer {
    return this.#held.subarray(0, this.#bytes)
  }
}
