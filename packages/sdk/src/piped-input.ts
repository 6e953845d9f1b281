// Input of any length for a process, no faster than it is taken: on a connection of its own, where each piece is answered for.

import type { ExecFrame } from '@nullspace/contract/processes.ts'
import { errorFromFrame } from './error-map.ts'
import { TransportError } from './errors.ts'
import { inputPieces } from './process-control.ts'
import { orAborted } from './reading.ts'
import { beginOnce, workId, type Begun, type Work } from './work-channel.ts'

export interface PipedInput {
  /** Bytes that the machine has taken. */
  readonly bytes: number
  /** False: the process ended before all was taken. */
  readonly complete: boolean
}

/** Pieces that may be under way, so that a long way does not make it slow. */
const MOST_UNTAKEN = 8

/** An aborted `work.signal` ends it with its reason. @throws TransportError when the connection was lost, so that nobody knows what was taken */
export async function pipeInput(
  work: Work & { readonly pid: number },
  source: AsyncIterable<Uint8Array>,
  close: boolean,
): Promise<PipedInput> {
  const { pid } = work
  const id = workId('exec')
  const begun = await beginOnce(work, 'exec', [{ type: 'exec_connect', id, pid, input_only: true } satisfies ExecFrame])
  const { channel } = begun
  /** Aborted when there is nobody to write to. */
  const over = new AbortController()
  const untaken: number[] = []
  let bytes = 0
  let wake = (): void => {}
  const heard = (size: number): void => {
    bytes += size
    wake()
  }
  hear(begun, () => heard(untaken.shift() ?? 0)).catch((error: unknown) => over.abort(error))
  const room = async (most: number): Promise<void> => {
    while (untaken.length > most) await orAborted(new Promise<void>((resolve) => (wake = resolve)), over.signal)
  }
  const input = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await orAborted(input.next(), over.signal)
      if (done === true) break
      for (const piece of inputPieces(value)) {
        await room(MOST_UNTAKEN - 1)
        over.signal.throwIfAborted()
        untaken.push(piece.length)
        channel.send({ type: 'exec_stdin', id, data_base64: piece.toString('base64') } satisfies ExecFrame)
      }
    }
    await room(0)
    work.signal?.throwIfAborted()
    if (close) channel.send({ type: 'exec_stdin_close', id } satisfies ExecFrame)
    return { bytes, complete: true }
  } catch (error) {
    if (error === ENDED) return { bytes, complete: false }
    throw error
  } finally {
    channel.close()
    void input.return?.().catch(() => {})
  }
}

const ENDED = new Error('the process has ended')

/** Rejects when the connection is over, with `ENDED` when that is because the process has ended. */
async function hear({ next }: Begun, taken: () => void): Promise<never> {
  for (let frame = await next(); frame !== undefined; frame = await next()) {
    if (frame.type === 'exec_stdin_taken') taken()
    // Its time was up: whoever waits for the process is told so.
    if (frame.type === 'exec_exit' || (frame.type === 'error' && frame.code === 'exec_timeout')) throw ENDED
    if (frame.type === 'error') throw errorFromFrame(frame)
  }
  throw new TransportError('lost the connection on which standard input was passed on; part of it may not have been taken', {
    reached: true,
    retryable: false,
  })
}
