// Lets a few through at a time, first come first served, and fails nobody for having to wait.

import type { Op } from '../observe/op.ts'

export class Turnstile {
  readonly #width: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(width: number) {
    this.#width = width
  }

  get busy(): boolean {
    return this.#inside > 0
  }

  async pass<T>(op: Op, work: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#width) this.#inside++
    else await this.#wait(op)
    try {
      return await work()
    } finally {
      // A place goes straight to the next in line, so nobody overtakes.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#inside--
    }
  }

  async #wait(op: Op): Promise<void> {
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn.resolve)
    op.log(`waiting behind ${this.#waiting.length - 1} others`)
    try {
      await op.race(turn.promise)
    } catch (error) {
      const at = this.#waiting.indexOf(turn.resolve)
      if (at >= 0) this.#waiting.splice(at, 1)
      // The place was given to us in the same instant: pass it on.
      else {
        const next = this.#waiting.shift()
        if (next) next()
        else this.#inside--
      }
      throw error
    }
  }
}
