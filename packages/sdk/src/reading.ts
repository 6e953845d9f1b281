// Chunks of one source for two kinds of reader: a loop, which gets them, and whoever waits for the end, who takes them away
// where no loop does.

import { MachineError } from './errors.ts'

export interface Source<Chunk, End> {
  /** Called one at a time. After the end it gives the end again; after a failure it may try anew. */
  pull(): Promise<IteratorResult<Chunk, End>>
  /** Nobody reads any more; harmless after the end. */
  left(): void
}

/** Why reading stopped, when the reader's own side wanted it. */
export const disconnected = (): MachineError => new MachineError('this end has disconnected', { code: 'disconnected', retryable: false })

export class Reading<Chunk, End> {
  readonly #source: Source<Chunk, End>
  #turn: Promise<unknown> = Promise.resolve()
  /** Settles when the loop that reads is over. */
  #loop: Promise<void> | undefined
  /** How many wait for the end. */
  #waiting = 0
  #halts = 0

  constructor(source: Source<Chunk, End>) {
    this.#source = source
  }

  /** Ends the loop, and makes those reject that wait; the source is to make a pull that is pending reject. */
  halt(): void {
    this.#halts += 1
  }

  /** One loop at a time; another may go on where one was left. @throws MachineError `invalid_request` */
  loop(): AsyncIterator<Chunk, undefined> {
    if (this.#loop) throw new MachineError('another loop is reading this', { code: 'invalid_request', retryable: false })
    const halts = this.#halts
    let done = false
    let resolve = (): void => {}
    const mine = new Promise<void>((settle) => (resolve = settle))
    this.#loop = mine
    const over = (): { done: true; value: undefined } => {
      done = true
      if (this.#loop === mine) this.#loop = undefined
      resolve()
      return { done: true, value: undefined }
    }
    return {
      next: async () => {
        if (done || halts !== this.#halts) return over()
        try {
          const result = await this.#next()
          return result.done === true ? over() : result
        } catch (error) {
          over()
          if (halts === this.#halts) throw error
          return { done: true, value: undefined }
        }
      },
      return: async () => {
        this.#source.left()
        return over()
      },
    }
  }

  /** Resolves with the end. @throws MachineError `disconnected`, the signal's reason */
  async drain(signal?: AbortSignal): Promise<End> {
    const halts = this.#halts
    this.#waiting += 1
    try {
      // A loop that begins in the same breath comes first.
      await undefined
      for (;;) {
        signal?.throwIfAborted()
        if (halts !== this.#halts) throw disconnected()
        if (this.#loop) await orAborted(this.#loop, signal)
        else {
          const { done, value } = await orAborted(this.#next(), signal)
          if (done === true) return value
        }
      }
    } finally {
      this.#waiting -= 1
      if (this.#waiting === 0 && !this.#loop) this.#source.left()
    }
  }

  #next(): Promise<IteratorResult<Chunk, End>> {
    const next = this.#turn.then(() => this.#source.pull())
    this.#turn = next.catch(() => {})
    return next
  }
}

/** Settles as `promise` does, or rejects with the signal's reason. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
