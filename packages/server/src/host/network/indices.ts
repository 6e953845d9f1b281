// Which slot indices are free. The index that was given back longest ago is used first, so that a connection kept alive
// to the machine before never meets the next one soon.

export type IndexState = 'making' | 'spare' | 'reserved' | 'removing'

export class Indices {
  readonly capacity: number
  readonly #free: number[]
  readonly #used = new Map<number, IndexState>()

  constructor(capacity: number) {
    this.capacity = capacity
    this.#free = Array.from({ length: capacity }, (_, index) => index)
  }

  get(index: number): IndexState | undefined {
    return this.#used.get(index)
  }

  in(state: IndexState): number[] {
    return [...this.#used].filter(([, other]) => other === state).map(([index]) => index)
  }

  /** The least recently used free index that `refuse` lets pass, now `making`; null when there is none. */
  take(refuse: (index: number) => boolean = () => false): number | null {
    const at = this.#free.findIndex((index) => !refuse(index))
    const index = this.#free[at]
    if (index === undefined) return null
    this.#free.splice(at, 1)
    this.#used.set(index, 'making')
    return index
  }

  /** Puts an index into a state, whether or not it was free. */
  mark(index: number, state: IndexState): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.capacity) throw new Error(`there is no network slot ${index}`)
    if (!this.#used.has(index)) this.#free.splice(this.#free.indexOf(index), 1)
    this.#used.set(index, state)
  }

  /** Last in the queue; harmless on one that is free. */
  give(index: number): void {
    if (!this.#used.delete(index)) return
    this.#free.push(index)
  }
}
