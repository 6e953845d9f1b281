// When a failed request is sent again, and after how long. Pure; the loop is in client.ts.

import { RateLimitError, TimeoutError, TransportError, type MachineError } from './errors.ts'

/**
 * `read`: a second time does no harm; `keyed`: carries an Idempotency-Key, so that a repeat joins the first; `once`: neither;
 * `never`: its body is gone after the first try.
 */
export type Safety = 'read' | 'keyed' | 'once' | 'never'

export interface Attempts {
  /** Requests sent so far in this call, the failed one included; refusals for rate excepted. */
  readonly sent: number
  /** How many of this call's requests were refused for rate, the failed one included. */
  readonly rateLimited: number
  /** Whether any of them got a connection: it may be at work. */
  readonly reached: boolean
}

const RATE_RETRIES = 3
const READ_DELAYS_MS = [250, 500]
const KEYED_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 10_000]
const KEYED_ATTEMPTS = 30
/** A daemon that was never there is soon reported, also for a request that could be repeated for minutes. */
const UNREACHED_ATTEMPTS = 3
const STILL_AT_WORK = new Set(['transition_in_progress', 'transition_recovery_required'])

/** ms to wait before the next try; undefined when the error is final. */
export function retryDelayMs(safety: Safety, error: MachineError, { sent, rateLimited, reached }: Attempts): number | undefined {
  if (safety === 'never') return undefined
  if (error instanceof RateLimitError) return rateLimited <= RATE_RETRIES ? error.retryAfter * 1000 : undefined
  if (safety === 'read') return error instanceof TransportError ? READ_DELAYS_MS[sent - 1] : undefined
  if (safety === 'once') return undefined
  const repeatable = error instanceof TransportError || error instanceof TimeoutError || STILL_AT_WORK.has(error.code)
  if (!repeatable || sent >= (reached ? KEYED_ATTEMPTS : UNREACHED_ATTEMPTS)) return undefined
  return KEYED_DELAYS_MS[Math.min(sent, KEYED_DELAYS_MS.length) - 1]
}

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
