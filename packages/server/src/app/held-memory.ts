// Large requests and answers that have to be whole in memory, all of the daemon's together: JSON that holds a file.

import { AppError } from '@nullspace/contract/errors.ts'
import { getHeapStatistics } from 'node:v8'
import type { App } from './context.ts'

/** Below it nothing is counted. */
const SMALL_BYTES = 8 * 1024 * 1024
/** A body becomes text with up to two bytes for a byte, and that the texts in it; the heap has to hold it all. */
export const MOST_BYTES = Math.min(512 * 1024 * 1024, Math.floor(getHeapStatistics().heap_size_limit / 5))

/** One owner leaves something to the others: it is as much as one body may have. */
export const MOST_BYTES_OF_OWNER = Math.floor((MOST_BYTES * 3) / 4)

interface Held {
  bytes: number
  readonly ofOwners: Map<string, number>
}
const held = new WeakMap<App, Held>()

export interface Hold extends Disposable {
  /** How much it is by now; refused with capacity_exceeded when that is too much together with the others. */
  grow(bytes: number): void
}

/** Dispose of it as often as you like. */
export function holdMemory(app: App, ownerId: string, bytes = 0): Hold {
  const all = held.get(app) ?? { bytes: 0, ofOwners: new Map() }
  held.set(app, all)
  let mine = 0
  const count = (more: number): void => {
    mine += more
    all.bytes += more
    const ofOwner = (all.ofOwners.get(ownerId) ?? 0) + more
    if (ofOwner > 0) all.ofOwners.set(ownerId, ofOwner)
    else all.ofOwners.delete(ownerId)
  }
  let over = false
  const hold: Hold = {
    grow(now) {
      if (over || now <= SMALL_BYTES || now <= mine) return
      const more = now - mine
      if (all.bytes + more > MOST_BYTES || (all.ofOwners.get(ownerId) ?? 0) + more > MOST_BYTES_OF_OWNER) {
        throw new AppError('capacity_exceeded', {
          say: 'The daemon holds as many large JSON bodies as it may; send files as bytes (PUT …/file), or try again.',
        })
      }
      count(more)
    },
    [Symbol.dispose]: () => {
      over = true
      count(-mine)
    },
  }
  hold.grow(bytes)
  return hold
}
