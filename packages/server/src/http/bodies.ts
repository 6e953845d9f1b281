// Bodies that are not JSON: handed on as they come, never held whole. And what becomes of a body that nobody reads.

import Busboy from '@fastify/busboy'
import { AppError } from '@nullspace/contract/errors.ts'
import { FILE_LIMITS } from '@nullspace/contract/files.ts'
import type { BodyPart, BytesBody, PartsBody, RouteSpec } from '@nullspace/contract/route.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Between two pieces of a body. */
const IDLE_MS = 60_000
/** For a client that was refused to send the rest, and then to read why: a reset would take the answer away. */
const UNREAD_MS = 30_000

const OCTETS = 'application/octet-stream'
const PART_LIMITS = { parts: FILE_LIMITS.batch + 1, files: FILE_LIMITS.batch + 1, headerPairs: 32, headerSize: 16 * 1024 }

/** `withinMs`: for all of the body to come; null where its reader sees to that. `late` is called when it did not. */
export function guardBody(request: IncomingMessage, response: ServerResponse, withinMs: number | null, late: () => void): void {
  // Not of a request that was made up.
  if (!(request.socket instanceof Socket)) return
  const timer = withinMs === null ? undefined : setTimeout(() => request.complete || late(), withinMs).unref()
  response.once('finish', () => {
    clearTimeout(timer)
    if (request.complete) return
    request.resume()
    const linger = setTimeout(() => request.complete || request.socket.destroy(), UNREAD_MS).unref()
    for (const event of ['end', 'close']) request.once(event, () => clearTimeout(linger))
  })
  response.once('close', () => clearTimeout(timer))
}

/** `type`: of the content, which may be anything. */
export function uploadOf(request: IncomingMessage, spec: RouteSpec, type: string | undefined): BytesBody | PartsBody {
  const length = request.headers['content-length']
  if (spec.upload === 'bytes') return { bytes: bytesOf(request), length: length === undefined ? undefined : Number(length) }
  const media = type?.split(';', 1)[0]?.trim().toLowerCase()
  if (media === 'multipart/form-data') return { parts: partsOf(request, type ?? '') }
  const alone = spec.form !== undefined && 'file' in spec.form.shape
  if (alone && media === OCTETS) return { parts: onePart(request) }
  throw new AppError('unsupported_media_type', { say: `The body must be multipart/form-data${alone ? ` or ${OCTETS}` : ''}.` })
}

/** Whoever stops reading early leaves the connection as it is. */
export async function* bytesOf(request: IncomingMessage, idleMs = IDLE_MS): AsyncGenerator<Uint8Array> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
  let waits = false
  try {
    for (;;) {
      const next = chunks.next()
      waits = true
      const got = await within(next, idleMs)
      waits = false
      if (got.done) return
      yield got.value
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('invalid_request', { say: 'The client was gone before all of the body had come.', cause: error })
  } finally {
    // One that waits would keep us waiting, too.
    if (!waits) await chunks.return?.()
    // What is not wanted is still to be taken, or the sender never comes to read the answer.
    process.nextTick(() => request.resume())
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new AppError('invalid_request', { say: `Nothing came of the body for ${ms / 1000} s.` })),
    ms,
  ).unref()
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
    promise.catch(() => {})
  }
}

async function* onePart(request: IncomingMessage): AsyncGenerator<BodyPart> {
  yield { name: 'file', filename: undefined, bytes: bytesOf(request) }
}

async function* partsOf(request: IncomingMessage, type: string): AsyncGenerator<BodyPart> {
  const form = parserFor(type)
  const source = Readable.from(bytesOf(request))
  const parts: (BodyPart & { readonly stream: Readable })[] = []
  const live = new Set<Readable>()
  let over: { error: AppError | null } | null = null
  let woken = Promise.withResolvers<void>()
  const wake = (): void => {
    woken.resolve()
    woken = Promise.withResolvers()
  }
  const end = (error: AppError | null): void => {
    over ??= { error }
    for (const part of live) part.destroy(error ?? undefined)
    wake()
  }
  form.on('file', (name, stream, filename) => {
    live.add(stream)
    // Read or not: an error of it must find somebody.
    stream.on('error', () => {})
    stream.on('close', () => live.delete(stream))
    parts.push({
      name: String(name ?? ''),
      filename: filename === undefined ? undefined : String(filename),
      bytes: partBytes(stream),
      stream,
    })
    wake()
  })
  const tooMany = (): void => end(new AppError('invalid_request', { say: `The form has more than ${PART_LIMITS.parts} parts.` }))
  form.on('partsLimit', tooMany)
  form.on('filesLimit', tooMany)
  void pipeline(source, form).then(
    () => end(null),
    (error: unknown) => end(formError(error)),
  )
  try {
    for (;;) {
      const part = parts.shift()
      if (part) {
        yield part
        part.stream.resume()
      } else if (over) {
        const { error } = over as { error: AppError | null }
        if (error) throw error
        return
      } else await woken.promise
    }
  } finally {
    end(null)
    source.destroy()
  }
}

/** Whoever stops reading early skips the rest. */
async function* partBytes(stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  } catch (error) {
    throw formError(error)
  } finally {
    process.nextTick(() => stream.resume())
  }
}

function parserFor(type: string): InstanceType<typeof Busboy.Busboy> {
  try {
    return new Busboy.Busboy({ headers: { 'content-type': type }, isPartAFile: () => true, limits: PART_LIMITS })
  } catch (error) {
    throw new AppError('unsupported_media_type', { say: 'The content type multipart/form-data names no boundary.', cause: error })
  }
}

const formError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError('invalid_request', { say: 'The form is not whole, or is none.', cause: error })
