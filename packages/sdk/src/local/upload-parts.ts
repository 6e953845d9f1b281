// The parts of an upload: read in their order, sent several at once, and sent again when their connection is lost.

import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import { getUploadSession, uploadSessionPart, type UploadSession } from '@nullspace/contract/uploads.ts'
import type { CallOptions, Client } from '../client.ts'
import { FileUploadError, MachineError, TimeoutError, TransportError } from '../errors.ts'
import type { Source } from './source.ts'

export interface Parts {
  readonly client: Client
  readonly machineId: string
  readonly session: UploadSession
  readonly source: Source
  /** The parts before it are there. */
  readonly first: number
  /** Gets all that is read, in order. */
  readonly hash: Hash | undefined
  readonly maxConcurrency: number | undefined
  readonly options: Omit<CallOptions, 'idempotencyKey'>
  readonly retrying: () => void
  readonly done: (bytes: number) => void
}

interface Part {
  readonly number: number
  readonly bytes: Buffer<ArrayBuffer>
}

/** ms before a part is sent again; each somewhat longer, by chance: they lose their connections together. */
const DELAYS_MS = [250, 500, 1000, 2000, 4000]
const JITTER = 0.25

/** Holds as many parts in memory as are under way. Nothing is under way any more when it is settled. */
export async function sendParts(parts: Parts): Promise<void> {
  const { session, first, maxConcurrency, options } = parts
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const next = partsInOrder(parts)
  let failure: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    try {
      for (let part = await next(); part && !failure; part = await next()) {
        signal.throwIfAborted()
        await sendPart({ ...parts, options: { ...options, signal } }, part)
        parts.done(part.bytes.length)
      }
    } catch (error) {
      failure ??= { error }
      stop.abort(error)
    }
  }
  const atOnce = Math.min(maxConcurrency ?? session.max_concurrency, session.max_concurrency, session.part_count - first)
  await Promise.all(Array.from({ length: Math.max(1, atOnce) }, worker))
  if (failure) throw failure.error
}

/** One is read at a time. */
function partsInOrder({ session, source, first, hash }: Parts): () => Promise<Part | undefined> {
  let number = first
  let turn: Promise<unknown> = Promise.resolve()
  const read = async (): Promise<Part | undefined> => {
    if (number >= session.part_count) return undefined
    const offset = number * session.part_size
    const bytes = await source.read(offset, Math.min(session.part_size, session.content_length - offset))
    hash?.update(bytes)
    return { number: number++, bytes }
  }
  return () => {
    const mine = turn.then(read)
    turn = mine.catch(() => {})
    return mine
  }
}

async function sendPart({ client, machineId, session, options, retrying }: Parts, { number, bytes }: Part): Promise<void> {
  const params = { id: machineId, upload_id: session.upload_id }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const headers = { 'content-type': 'application/octet-stream', 'x-nullspace-part-sha256': sha256 }
  for (let attempt = 0; ; attempt += 1) {
    const delay = DELAYS_MS[attempt]
    try {
      const input = { params: { ...params, part_number: number } }
      await client.send(uploadSessionPart, input, { body: () => bytes, headers }, options)
      return
    } catch (error) {
      if (delay === undefined || !isWorthAgain(error)) throw error
    }
    retrying()
    await client.wait(delay * (1 + JITTER * Math.random()), options.signal)
    if (await isThere(client, params, number, options)) return
  }
}

/** It was lost, or damaged, on the way. */
function isWorthAgain(error: unknown): boolean {
  if (error instanceof FileUploadError) return error.reason === 'invalid_part_checksum'
  return error instanceof TransportError || error instanceof TimeoutError
}

/** Only its answer may have been lost. @throws FileUploadError when the upload is over */
async function isThere(
  client: Client,
  params: { readonly id: string; readonly upload_id: string },
  number: number,
  options: Omit<CallOptions, 'idempotencyKey'>,
): Promise<boolean> {
  let session: UploadSession
  try {
    session = await client.call(getUploadSession, { params }, options)
  } catch (error) {
    if (error instanceof TransportError || error instanceof TimeoutError) return false
    throw error
  }
  refuseEnded(session)
  return session.next_part === undefined || session.next_part > number
}

const ENDED: Partial<Record<UploadSession['status'], string>> = {
  aborted: 'upload_aborted',
  expired: 'upload_expired',
  failed: 'missing_parts',
}

/** @throws FileUploadError of one that nothing can come to; one that is completed is none of them */
export function refuseEnded({ upload_id: uploadId, status, target_path: path }: UploadSession): void {
  const reason = ENDED[status]
  if (reason === undefined) return
  const options = { code: 'file_upload_error', retryable: false, reason, uploadId, path }
  throw new FileUploadError(`the upload ${uploadId} is ${status} and cannot go on`, options)
}

/** Names the upload, so that it can be taken up again. */
export function withUploadId(error: unknown, uploadId: string, path: string): unknown {
  if (!(error instanceof MachineError) || (error instanceof FileUploadError && error.uploadId !== undefined)) return error
  const known = error instanceof FileUploadError ? { reason: error.reason, partNumber: error.partNumber } : {}
  return new FileUploadError(error.message, {
    code: 'file_upload_error',
    requestId: error.requestId,
    retryable: error.retryable,
    suggestedAction: error.suggestedAction,
    details: { ...error.details, wrapped_code: error.code },
    uploadId,
    path,
    ...known,
    cause: error,
  })
}
