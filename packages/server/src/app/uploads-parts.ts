// A part of an upload: to the host's disk, then known. What is acknowledged survives the daemon.

import { AppError } from '@nullspace/contract/errors.ts'
import type { BytesBody } from '@nullspace/contract/route.ts'
import type { UploadSession } from '@nullspace/contract/uploads.ts'
import type { Principal } from '../domain/principal.ts'
import { isStaging, partBytes, partCount, type Upload } from '../domain/upload.ts'
import { DeadlineError, Op } from '../observe/op.ts'
import { findUpload, putUploadPart, updateUpload } from '../store/tables/uploads.ts'
import type { App } from './context.ts'
import { isNoSpace } from './failures.ts'
import { notOpen, noSpace, noUpload, uploadError } from './uploads-errors.ts'
import { openUpload, sessionOf, theUpload } from './uploads.ts'

/** For a part to arrive, its wait for others included. */
const PART_TIMEOUT_MS = 3_600_000

export interface PartInput {
  readonly number: number
  /** Hex, as the client says it. */
  readonly sha256: string | undefined
  readonly body: BytesBody
  /** Whoever is gone keeps no place. */
  readonly signal?: AbortSignal
}

/** In any order, and again: what came last counts. */
export async function uploadPart(
  app: App,
  principal: Principal,
  machineId: string,
  id: string,
  { number, sha256, body, signal }: PartInput,
): Promise<UploadSession> {
  const upload = await theUpload(app, principal, machineId, id)
  if (upload.state !== 'open') throw notOpen(upload)
  const bytes = partBytes(upload, number)
  if (bytes === null) {
    const say = `Upload ${id} has ${partCount(upload)} parts, numbered from 0; there is no ${number}.`
    throw uploadError(id, 'part_out_of_range', { say, part: number })
  }
  if (body.length !== undefined && body.length !== bytes) throw wrongSize(id, number, bytes)
  // A machine that is sent much is in use, though it does not know yet.
  using _lease = app.activity.lease(machineId, () => app.clock.now())
  using op = new Op(`part ${number} of ${id}`, { timeoutMs: PART_TIMEOUT_MS, signal })
  const wanted = { number, bytes, sha256: sha256?.toLowerCase() ?? null }
  const take = async (): Promise<UploadSession> => {
    const staged = await app.host.staging.keep(op, id, wanted, body.bytes)
    if (!staged.kept) throw staged.why === 'size' ? wrongSize(id, number, bytes) : wrongSum(id, number)
    return keep(app, upload, { number, bytes, file: staged.file })
  }
  try {
    return await app.uploadGates.pass(op, id, take)
  } catch (error) {
    throw await partFailure(app, id, number, error)
  }
}

/** The row is what makes it a part; a file without one is nobody's. */
async function keep(app: App, { id }: Upload, part: { number: number; bytes: number; file: string }): Promise<UploadSession> {
  const { upload, replaced } = await app.db.transaction().execute(async (tx) => {
    const now = await openUpload(tx, id, app.clock.now())
    if (now?.state !== 'open') return { upload: now, replaced: part.file }
    await updateUpload(tx, id, { updatedAt: app.clock.now(), failure: null }, ['open'])
    return { upload: await openUpload(tx, id, app.clock.now()), replaced: await putUploadPart(tx, id, part) }
  })
  if (replaced !== null) await app.host.staging.drop(id, replaced)
  if (!upload) throw noUpload(id)
  if (upload.state !== 'open') throw notOpen(upload)
  return sessionOf(app, upload)
}

async function partFailure(app: App, id: string, part: number, error: unknown): Promise<AppError | unknown> {
  // It may have ended while this was written, and its directory been removed under it, or made again by it.
  const upload = await findUpload(app.db, id)
  if (!upload || !isStaging(upload)) await app.host.staging.drop(id)
  if (error instanceof AppError) return error
  if (isNoSpace(error)) return noSpace(id, error)
  if (!upload) return noUpload(id)
  if (upload.state !== 'open') return notOpen(upload)
  if (error instanceof DeadlineError) return new AppError('invalid_request', { say: `Part ${part} did not arrive in time.`, cause: error })
  return error
}

const wrongSize = (id: string, part: number, bytes: number): AppError =>
  uploadError(id, 'part_size_mismatch', { say: `Part ${part} of upload ${id} must have ${bytes} bytes.`, part })

const wrongSum = (id: string, part: number): AppError =>
  uploadError(id, 'invalid_part_checksum', { say: `Part ${part} did not arrive as it was sent: its SHA-256 is another.`, part })
