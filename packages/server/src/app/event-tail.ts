// Wakes those who follow an owner's events. The outbox nudges it, and it looks by itself: one small query a second for all
// followers together, so that a lost nudge costs a second.

import { lastSeq, ownersAfter } from '../store/tables/events.ts'
import type { App } from './context.ts'
import { FairGate } from './fair-gate.ts'

const LOOK_EVERY_MS = 1_000

/** Steps of those who read, over all connections. */
const TURNS = { inAll: 4, perOwner: 2 } as const

export class EventTail {
  /** Who follows reads a little at a time, each time in its turn. */
  readonly turns = new FairGate(TURNS)
  readonly #app: Pick<App, 'db' | 'outbox' | 'log'>
  readonly #wakes = new Map<string, Set<() => void>>()
  #end: (() => void) | null = null
  #seen: number | null = null
  #looking = false
  #again = false

  constructor(app: Pick<App, 'db' | 'outbox' | 'log'>) {
    this.#app = app
  }

  /** `wake` is called when there may be new events of this owner; returns how to stop it. */
  watch(ownerId: string, wake: () => void): () => void {
    const wakes = this.#wakes.get(ownerId) ?? new Set()
    this.#wakes.set(ownerId, wakes.add(wake))
    this.#begin()
    return () => {
      wakes.delete(wake)
      if (wakes.size === 0 && this.#wakes.get(ownerId) === wakes) this.#wakes.delete(ownerId)
      if (this.#wakes.size > 0) return
      this.#end?.()
      this.#end = null
      this.#seen = null
    }
  }

  #begin(): void {
    if (this.#end) return
    const look = (): void => void this.#look()
    const deaf = this.#app.outbox.onEvents(look)
    const timer = setInterval(look, LOOK_EVERY_MS)
    timer.unref()
    this.#end = () => {
      deaf()
      clearInterval(timer)
    }
  }

  async #look(): Promise<void> {
    this.#again = true
    if (this.#looking) return
    this.#looking = true
    try {
      while (this.#again && this.#end) {
        this.#again = false
        const head = await lastSeq(this.#app.db)
        const owners = this.#seen === null ? [...this.#wakes.keys()] : await ownersAfter(this.#app.db, this.#seen)
        this.#seen = head
        for (const owner of owners) for (const wake of this.#wakes.get(owner) ?? []) wake()
      }
    } catch (error) {
      this.#app.log.error({ err: error }, 'new events could not be looked for; they will be')
    } finally {
      this.#looking = false
    }
  }
}
