// Lets a few through at a time. Every process started stops the event loop for a moment, and a burst of cold slots would
// otherwise start them all in one tick.

import type { Op } from '../../observe/op.ts'

export class Gate {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(width: number) {
    this.#free = width
  }

  async pass<T>(op: Op, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(op)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #turn(op: Op): Promise<void> {
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn.resolve)
    // A turn that comes after its caller gave up goes straight to the next one.
    return op.race(turn.promise, () => this.#leave())
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}
