// Large requests and answers that have to be whole in memory, all of the daemon's together: JSON that holds a file.

import { AppError } from '@nullspace/contract/errors.ts'
import type { App } from './context.ts'

/** Below it nothing is counted. */
export const SMALL_BYTES = 8 * 1024 * 1024
const MOST_BYTES = 512 * 1024 * 1024

const held = new WeakMap<App, { bytes: number }>()

export interface Hold extends Disposable {
  /** How much it is by now; refused with capacity_exceeded when that is too much together with the others. */
  grow(bytes: number): void
}

/** Dispose of it as often as you like. */
export function holdMemory(app: App, bytes = 0): Hold {
  const all = held.get(app) ?? { bytes: 0 }
  held.set(app, all)
  let mine = 0
  let over = false
  const hold: Hold = {
    grow(now) {
      if (over || now <= SMALL_BYTES || now <= mine) return
      if (all.bytes - mine + now > MOST_BYTES) {
        throw new AppError('capacity_exceeded', {
          say: 'The daemon holds as many large JSON bodies as it may; send files as bytes (PUT …/file), or try again.',
        })
      }
      all.bytes += now - mine
      mine = now
    },
    [Symbol.dispose]: () => {
      over = true
      all.bytes -= mine
      mine = 0
    },
  }
  hold.grow(bytes)
  return hold
}
