// Samples of one machine over time: rows of numbers, the oldest overwritten by the newest. Numbers side by side rather
// than objects, for there is an hour of them for every machine.

const FIRST_ROWS = 16

export class UsageRing {
  readonly #width: number
  readonly #most: number
  #rows = FIRST_ROWS
  #values: Float64Array
  #next = 0
  #count = 0

  /** `width` numbers in a row, `most` rows. */
  constructor(width: number, most: number) {
    this.#width = width
    this.#most = most
    this.#rows = Math.min(FIRST_ROWS, most)
    this.#values = new Float64Array(this.#rows * width)
  }

  get count(): number {
    return this.#count
  }

  push(row: readonly number[]): void {
    if (row.length !== this.#width) throw new Error(`a row has ${this.#width} numbers, not ${row.length}`)
    if (this.#count === this.#rows && this.#rows < this.#most) this.#grow()
    this.#values.set(row, this.#next * this.#width)
    this.#next = (this.#next + 1) % this.#rows
    this.#count = Math.min(this.#count + 1, this.#rows)
  }

  /** The oldest first. */
  rows(): number[][] {
    const first = (this.#next - this.#count + this.#rows) % this.#rows
    return Array.from({ length: this.#count }, (_, index) => {
      const at = ((first + index) % this.#rows) * this.#width
      return [...this.#values.subarray(at, at + this.#width)]
    })
  }

  #grow(): void {
    const kept = this.rows().flat()
    this.#rows = Math.min(this.#rows * 2, this.#most)
    this.#values = new Float64Array(this.#rows * this.#width)
    this.#values.set(kept)
    this.#next = this.#count
  }
}
