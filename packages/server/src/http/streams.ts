// Answers that are sent as they come: bytes, and arrays of any length. Nothing is said before the first piece is there, so
// a failure until then is a refusal like any other; one after it cuts the connection, which no client takes for an end.

import type { BytesAnswer } from '@nullspace/contract/route.ts'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import type { z } from 'zod'

/** For the client to take a piece. */
const UNTAKEN_MS = 300_000
const CHUNK_BYTES = 64 * 1024
/** As with other answers that clients wait for; see patient.ts. */
const SPACE_AFTER_MS = 10_000
const SPACE_EVERY_MS = 5_000

export async function sendBytes(reply: FastifyReply, status: number, answer: BytesAnswer): Promise<FastifyReply> {
  const pieces = answer.bytes[Symbol.asyncIterator]()
  const first = await pieces.next()
  const length = answer.length ?? (first.done ? 0 : undefined)
  void reply.code(answer.status ?? status).headers({ 'content-type': 'application/octet-stream', ...answer.headers })
  if (length !== undefined) void reply.header('content-length', length)
  if (reply.request.method === 'HEAD') {
    await pieces.return?.()
    return reply.send(Readable.from([]))
  }
  const bytes = limited(pieces, first, length, () => reply.raw.destroy())
  const body = Readable.from(bytes, { objectMode: false, highWaterMark: CHUNK_BYTES })
  // Of a client that is gone already nothing is begun, and what is not begun ends nothing.
  body.once('close', () => void pieces.return?.().catch(() => {}))
  return reply.send(body)
}

/** No more than was promised; less is a failure. */
async function* limited(
  pieces: AsyncIterator<Uint8Array>,
  first: IteratorResult<Uint8Array>,
  length: number | undefined,
  give: () => void,
): AsyncGenerator<Uint8Array> {
  let left = length ?? Infinity
  let untaken: NodeJS.Timeout | undefined
  try {
    for (let next = first; !next.done && left > 0; next = await pieces.next()) {
      const piece = next.value.subarray(0, left)
      left -= piece.length
      if (piece.length === 0) continue
      untaken = setTimeout(give, UNTAKEN_MS).unref()
      yield piece
      clearTimeout(untaken)
    }
    if (length !== undefined && left > 0) throw new Error(`${left} bytes fewer came than were promised`)
  } finally {
    clearTimeout(untaken)
    await pieces.return?.()
  }
}

/** An array whose items come in batches, as JSON; with white space while none come. */
export async function* rowsAsJson(batches: AsyncIterable<readonly unknown[]>, item: z.ZodType): AsyncGenerator<Uint8Array> {
  const rows = batches[Symbol.asyncIterator]()
  let before = '['
  let pauseMs = SPACE_AFTER_MS
  try {
    for (let next = rows.next(); ;) {
      const got = await orNull(next, pauseMs)
      if (got === null) {
        pauseMs = SPACE_EVERY_MS
        yield Buffer.from(' ')
        continue
      }
      if (got.done) break
      if (got.value.length > 0) {
        // Through the schema: what it does not name does not leave.
        yield Buffer.from(before + got.value.map((one) => JSON.stringify(item.parse(one))).join(','))
        before = ','
      }
      next = rows.next()
    }
    yield Buffer.from(before === '[' ? '[]' : ']')
  } finally {
    await rows.return?.()
  }
}

/** An object one of whose fields is long: its text comes in pieces, and is never one string as JSON, which can have no more than 512 MiB. */
export async function* textAsJson(field: string, pieces: Iterable<string>, rest: object): AsyncGenerator<Uint8Array> {
  const others = JSON.stringify(rest).slice(1)
  yield Buffer.from(`{${JSON.stringify(field)}:"`)
  for (const piece of pieces) yield Buffer.from(JSON.stringify(piece).slice(1, -1))
  yield Buffer.from(others === '}' ? '"}' : `",${others}`)
}

/** Null when it is not there in time. */
async function orNull<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  promise.catch(() => {})
  const late = Promise.withResolvers<null>()
  const timer = setTimeout(() => late.resolve(null), ms).unref()
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}
