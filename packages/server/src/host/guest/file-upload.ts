// Contents on their way into a file helper: as fast as it takes them, and no further once it has refused.

import { DATA, DATA_BYTES, DataEnd, Refused, Started } from '@nullspace/guest-protocol/files.ts'
import type { FileCall } from './file-call.ts'

export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

type Source = AsyncIterator<Uint8Array> | Iterator<Uint8Array>

/** Sends all of it; what comes then is the answer. A source that fails ends the helper, and with it what was sent so far. */
export async function upload(call: FileCall, bytes: Bytes): Promise<void> {
  const source: Source = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]()
  try {
    await call.expect(Started)
    while (!call.answered) {
      const part = await nextOf(source, call)
      if (part?.done) return await call.send(DataEnd.kind, DataEnd.encode(null))
      if (part) await sendAll(call, part.value)
    }
    // It waits for the end even of what it refused.
    await call.send(DataEnd.kind, DataEnd.encode(null))
  } catch (error) {
    call.drop()
    leave(source)
    throw error
  }
  leave(source)
  await call.expect(Refused)
}

async function sendAll(call: FileCall, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !call.answered; at += DATA_BYTES) {
    await call.send(DATA, bytes.subarray(at, at + DATA_BYTES))
  }
}

/** null: there is an answer, and nobody waits for the source any longer. */
async function nextOf(source: Source, call: FileCall): Promise<IteratorResult<Uint8Array> | null> {
  const next = Promise.withResolvers<IteratorResult<Uint8Array> | null>()
  let stop: () => void = () => {}
  const listen = (): void => {
    stop = call.whenHeard(() => {
      try {
        if (call.answered) next.resolve(null)
        else listen()
      } catch (error) {
        next.reject(error)
      }
    })
  }
  listen()
  Promise.resolve()
    .then(() => source.next())
    .then(next.resolve, next.reject)
  try {
    return await call.op.race(next.promise)
  } finally {
    stop()
  }
}

/** The source may be in the middle of something: nobody waits for its end. */
function leave(source: Source): void {
  Promise.resolve()
    .then(() => source.return?.())
    .catch(() => {})
}
