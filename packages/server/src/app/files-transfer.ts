// Contents on their way: as long as something moves they may take what they take.

import { DeadlineError, Op } from '../observe/op.ts'

/** For the guest to give, or to take, the next piece. */
const STALL_MS = 60_000
/** For all that it was given to reach its disk. */
const SETTLE_MS = 300_000

export interface Transfer extends Disposable {
  /** Ends when the guest stalls, and when nobody is left to move things for. */
  readonly op: Op
  /** The guest owes this now. */
  owed<T>(answer: Promise<T>): Promise<T>
  /** Passes on what the guest gives. Time that its reader takes does not count. */
  fromGuest<T>(pieces: AsyncIterable<T>): AsyncGenerator<T>
  /** Passes on what the guest is given. Time that its source takes does not count. */
  toGuest(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>
}

export function beginTransfer(name: string, signal?: AbortSignal, stallMs = STALL_MS): Transfer {
  const stalled = new AbortController()
  const op = new Op(name, { timeoutMs: Infinity, signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal })
  let timer: NodeJS.Timeout | undefined
  const settle = (): void => clearTimeout(timer)
  const expect = (withinMs = stallMs): void => {
    settle()
    timer = setTimeout(() => stalled.abort(new DeadlineError(`${name}: nothing moved for ${withinMs / 1000} s`)), withinMs).unref()
  }
  return {
    op,
    owed: (answer) => {
      expect()
      return answer.finally(settle)
    },
    async *fromGuest(pieces) {
      const iterator = pieces[Symbol.asyncIterator]()
      try {
        for (;;) {
          expect()
          const next = await iterator.next()
          settle()
          if (next.done) return
          yield next.value
        }
      } finally {
        settle()
        await iterator.return?.()
      }
    },
    async *toGuest(pieces) {
      settle()
      for await (const piece of pieces) {
        expect()
        yield piece
        settle()
      }
      expect(SETTLE_MS)
    },
    [Symbol.dispose]: () => {
      settle()
      op[Symbol.dispose]()
    },
  }
}
