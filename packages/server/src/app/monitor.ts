// All machines of an owner, watched. There is one watch per owner however many look on: it looks when events tell of a
// change, and once a second besides, so that a change without an event, or a lost word of one, costs a second.

import { setTimeout as pause } from 'node:timers/promises'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import { findMachines, machinePrints } from '../store/tables/machines.ts'
import type { App } from './context.ts'

const LOOK_EVERY_MS = 1_000
/** However much happens, so long passes between two looks. */
const LOOK_GAP_MS = 100
/** Onlookers of one owner. */
const MOST_ONLOOKERS = 32

export interface Watched {
  readonly machine: Machine
  /** Differs when something worth telling does. */
  readonly print: string
}

export interface Watch extends Disposable {
  /** As of the last look; null before the first. */
  machines(): readonly Watched[] | null
}

export class Monitor {
  readonly #app: Pick<App, 'db' | 'tail' | 'log'>
  readonly #watches = new Map<string, OwnerWatch>()

  constructor(app: Pick<App, 'db' | 'tail' | 'log'>) {
    this.#app = app
  }

  /** `onLook` is called after every look. Null when the owner has as many onlookers as there may be. */
  watch({ ownerId }: Principal, onLook: () => void): Watch | null {
    const watch = this.#watches.get(ownerId) ?? new OwnerWatch(this.#app, ownerId, () => this.#watches.delete(ownerId))
    this.#watches.set(ownerId, watch)
    return watch.join(onLook)
  }
}

class OwnerWatch {
  readonly #app: Pick<App, 'db' | 'log'>
  readonly #ownerId: Principal['ownerId']
  readonly #onlookers = new Set<() => void>()
  readonly #end: () => void
  #machines: readonly Watched[] | null = null
  #looking = false
  #again = false
  #ended = false

  constructor(app: Pick<App, 'db' | 'tail' | 'log'>, ownerId: Principal['ownerId'], ended: () => void) {
    this.#app = app
    this.#ownerId = ownerId
    const look = (): void => void this.#look()
    const unwatch = app.tail.watch(ownerId, look)
    const timer = setInterval(look, LOOK_EVERY_MS)
    timer.unref()
    this.#end = () => {
      this.#ended = true
      clearInterval(timer)
      unwatch()
      ended()
    }
    look()
  }

  join(onLook: () => void): Watch | null {
    if (this.#onlookers.size >= MOST_ONLOOKERS) return null
    // A function of its own: the same listener may be given twice.
    const mine = (): void => onLook()
    this.#onlookers.add(mine)
    if (this.#machines) queueMicrotask(mine)
    return {
      machines: () => this.#machines,
      [Symbol.dispose]: () => {
        if (this.#onlookers.delete(mine) && this.#onlookers.size === 0) this.#end()
      },
    }
  }

  async #look(): Promise<void> {
    this.#again = true
    if (this.#looking) return
    this.#looking = true
    try {
      while (this.#again && !this.#ended) {
        this.#again = false
        this.#machines = await this.#read()
        for (const onlooker of this.#onlookers) onlooker()
        await pause(LOOK_GAP_MS, undefined, { ref: false })
      }
    } catch (error) {
      this.#app.log.error({ err: error }, 'machines could not be looked at; they will be')
    } finally {
      this.#looking = false
    }
  }

  /** A machine is read whole when it is new or changed; looking at the others every second costs little. */
  async #read(): Promise<Watched[]> {
    const { db } = this.#app
    const known = new Map<string, Watched>(this.#machines?.map((watched) => [watched.machine.id, watched]))
    const prints = await machinePrints(db, this.#ownerId)
    const changed = prints.filter(({ id, print }) => known.get(id)?.print !== print).map(({ id }) => id)
    const read = new Map<string, Machine>((await findMachines(db, changed)).map((machine) => [machine.id, machine]))
    return prints.flatMap(({ id, print, lastActiveAt }) => {
      const machine = read.get(id) ?? known.get(id)?.machine
      // One that was destroyed in between is gone at the next look.
      return machine && machine.state !== 'destroyed' ? [{ machine: { ...machine, lastActiveAt }, print }] : []
    })
  }
}
