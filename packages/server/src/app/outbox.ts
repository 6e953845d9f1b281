// Where lifecycle events leave from: a row in the transaction of the change, with a delivery for each webhook that wants
// it, then a word to whoever streams or posts them. That word may be lost; the readers also look by themselves.

import type { Clock } from '../domain/clock.ts'
import type { Tx } from '../store/db.ts'
import { insertEvent, type NewEvent } from '../store/tables/events.ts'
import { queueDeliveries } from '../store/tables/webhooks.ts'

export class Outbox {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #told = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async emit(tx: Tx, event: NewEvent): Promise<void> {
    const now = this.#clock.now()
    const id = await insertEvent(tx, event, now)
    await queueDeliveries(tx, { ...event, id }, now)
    if (!this.#told) return
    this.#told = false
    // Who reads at once waits for the one connection there is, and so for the end of the transaction.
    setImmediate(() => {
      this.#told = true
      for (const listener of this.#listeners) listener()
    })
  }

  /** Called soon after events were written; returns how to stop it. */
  onEvents(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
