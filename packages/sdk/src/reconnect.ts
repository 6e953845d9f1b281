// A WebSocket that is opened again whenever it is lost: 0.25 s after the loss, then doubling to 5 s.

import type { Channel } from './channel.ts'
import { MachineError } from './errors.ts'
import type { sleep } from './retry.ts'

export interface Reconnect {
  readonly open: () => Promise<Channel>
  /** Called when a connection failed: rejects with the refusal when that is why, so that one is reported as what it is. */
  readonly ask: () => Promise<unknown>
  readonly wait: typeof sleep
  readonly signal: AbortSignal | undefined
  /** Whether the daemon took an earlier connection for the same. Default false. */
  readonly known?: boolean | undefined
}

/** A connection, and a way to say that the daemon took it: from then on losses are made good for ever. */
export interface Connected {
  readonly channel: Channel
  accepted(): void
}

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 5000
/** Without a single accepted connection, a daemon that is not there is reported soon. */
const ATTEMPTS_BEFORE_FIRST = 3

/** Yields a new connection each time the consumer has done with the last. @throws what `ask` said, when that is final. */
export async function* connections({ open, ask, wait, signal, known = false }: Reconnect): AsyncGenerator<Connected, void, undefined> {
  let everAccepted = known
  let failures = 0
  for (;;) {
    let failure: unknown
    try {
      const channel = await opened(open, ask)
      let accepted = false
      try {
        yield { channel, accepted: () => void (accepted = true) }
      } finally {
        channel.close()
      }
      everAccepted ||= accepted
      failures = accepted ? 0 : failures + 1
      failure = new MachineError('the daemon ends the connection before it says anything', { code: 'transport_error', retryable: true })
    } catch (error) {
      signal?.throwIfAborted()
      if (isFinal(error)) throw error
      failures += 1
      failure = error
    }
    if (!everAccepted && failures >= ATTEMPTS_BEFORE_FIRST) throw failure
    await wait(delayMs(failures), signal)
  }
}

/** One connection, for what is not to be said twice. @throws what `ask` said, or that there is no daemon, after three tries */
export async function connection({ open, ask, wait, signal }: Reconnect): Promise<Channel> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await opened(open, ask)
    } catch (error) {
      signal?.throwIfAborted()
      if (isFinal(error) || failures >= ATTEMPTS_BEFORE_FIRST) throw error
    }
    await wait(delayMs(failures), signal)
  }
}

const delayMs = (failures: number): number => Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS)

async function opened(open: () => Promise<Channel>, ask: () => Promise<unknown>): Promise<Channel> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof MachineError && error.code === 'transport_error') await ask()
    throw error
  }
}

/** A refusal of this request. What the daemon or something before it fails at may pass. */
function isFinal(error: unknown): boolean {
  return !(error instanceof MachineError) || (error.retryable === false && error.code !== 'internal_error')
}
