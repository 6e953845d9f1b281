// A terminal that a test types on: keys, signals, another size; and a note of whether it was left raw.

import type { Input, Io } from '../src/core/io.ts'

export interface Keyboard extends Input, Pick<Io, 'takeSignals' | 'onResize'> {
  type(keys: string | Uint8Array): void
  /** The end of standard input. */
  hangUp(): void
  /** As Ctrl-C (2) and SIGTERM (15) do; false when nobody has taken signals. */
  signal(number: number): boolean
  resize(): void
  readonly isRaw: boolean
  /** How often it was made raw. */
  readonly timesRaw: number
}

export function keyboard(isTTY = true): Keyboard {
  const waiting: Uint8Array[] = []
  const handlers: ((number: number) => void)[] = []
  const listeners = new Set<() => void>()
  let ended = false
  let wake = (): void => {}
  let isRaw = false
  let timesRaw = 0
  return {
    isTTY,
    get isRaw() {
      return isRaw
    },
    get timesRaw() {
      return timesRaw
    },
    type(keys) {
      waiting.push(Buffer.from(keys))
      wake()
    },
    hangUp() {
      ended = true
      wake()
    },
    signal(number) {
      const handler = handlers.at(-1)
      handler?.(number)
      return handler !== undefined
    },
    resize: () => listeners.forEach((listener) => listener()),
    async *chunks(stop) {
      stop.addEventListener('abort', () => wake())
      while (!stop.aborted) {
        const next = waiting.shift()
        if (next) yield next
        else if (ended) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    raw() {
      isRaw = true
      timesRaw += 1
      return { [Symbol.dispose]: () => void (isRaw = false) }
    },
    takeSignals(handler) {
      handlers.push(handler)
      return { [Symbol.dispose]: () => void handlers.splice(handlers.lastIndexOf(handler), 1) }
    },
    onResize(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
