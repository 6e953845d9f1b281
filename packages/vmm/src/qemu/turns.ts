// Whoever wants the same thing gets it one after the other, in the order of asking.

import type { Op } from '../op.ts'

export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Resolves when it is the caller's turn; what it gives ends it, and is harmless twice. */
  async take(op: Op, key: string): Promise<() => void> {
    const before = this.#last.get(key)
    const ours = Promise.withResolvers<void>()
    const last = Promise.all([before, ours.promise]).then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key)
    })
    this.#last.set(key, last)
    try {
      await op.race(Promise.resolve(before))
    } catch (error) {
      // Those behind still wait for the one before.
      ours.resolve()
      throw error
    }
    return ours.resolve
  }
}
