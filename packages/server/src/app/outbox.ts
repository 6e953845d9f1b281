// Where lifecycle events leave from: a row in the transaction of the change, with a delivery for each webhook that wants
// it, then a word to whoever streams or posts them. That word may be lost; the readers also look by themselves.

import type { Clock } from '../domain/clock.ts'
import type { Tx } from '../store/db.ts'
import { insertEvent, type NewEvent } from '../store/tables/events.ts'
import { queueDeliveries } from '../store/tables/webhooks.ts'

/** An owner wrote so much that what is too much should be looked for now, and not some minutes later. */
const MUCH_BYTES = 8 * 1024 * 1024
/** Of a row of an event, or of a delivery, about. */
const ROW_BYTES = 512

export class Outbox {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  readonly #onMuch = new Set<(ownerId: string) => void>()
  /** Bytes of each owner since it was last said that they are many. */
  readonly #written = new Map<string, number>()
  #told = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async emit(tx: Tx, event: NewEvent): Promise<void> {
    const now = this.#clock.now()
    const id = await insertEvent(tx, event, now)
    const deliveries = await queueDeliveries(tx, { ...event, id }, now)
    this.#weigh(event, deliveries)
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

  /** Called when an owner has written much since the last time; returns how to stop it. */
  onMuch(listener: (ownerId: string) => void): () => void {
    this.#onMuch.add(listener)
    return () => this.#onMuch.delete(listener)
  }

  #weigh({ ownerId, metadata }: NewEvent, deliveries: number): void {
    const bytes = ROW_BYTES * (1 + deliveries) + (metadata ? Buffer.byteLength(JSON.stringify(metadata)) : 0)
    const written = (this.#written.get(ownerId) ?? 0) + bytes
    if (written < MUCH_BYTES) return void this.#written.set(ownerId, written)
    this.#written.delete(ownerId)
    setImmediate(() => {
      for (const listener of this.#onMuch) listener(ownerId)
    })
  }
}
