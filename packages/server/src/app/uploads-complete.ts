// The end of an upload: its parts are checked as a whole and put in place in the machine, all at once.

import { AppError, type ErrorCode, type UploadErrorDetail } from '@nullspace/contract/errors.ts'
import type { completeUploadSession } from '@nullspace/contract/uploads.ts'
import type { RouteResult } from '@nullspace/contract/route.ts'
import { createHash } from 'node:crypto'
import type { Principal } from '../domain/principal.ts'
import { firstMissing, type StagedPart, type Upload } from '../domain/upload.ts'
import { FileRefused, type GuestFiles } from '../host/guest/guest-files.ts'
import type { Op } from '../observe/op.ts'
import { findIdempotency } from '../store/tables/idempotency.ts'
import { closeUpload, findUpload, updateUpload, uploadParts } from '../store/tables/uploads.ts'
import type { Db, Tx } from '../store/db.ts'
import type { App } from './context.ts'
import { beginTransfer, type Transfer } from './files-transfer.ts'
import { baseOf } from './files-use.ts'
import { keyed, type Keyed, remember } from './idempotency.ts'
import { noMachine } from './machines.ts'
import { notOpen, noUpload, publishFailure, uploadError } from './uploads-errors.ts'
import { openUpload, sessionOf, theUpload } from './uploads.ts'
import { useMachine } from './use.ts'

/** For the guest to go on; the last of it, many files put in place at once, takes the longest. */
const STALL_MS = 300_000

type Completed = RouteResult<typeof completeUploadSession>
type Published = NonNullable<Upload['published']>

interface Asked {
  readonly principal: Principal
  readonly request: Keyed
  readonly checksum: string | null
}

/** Whoever comes while it is being completed waits for that; whoever comes after it gets the same answer. */
export async function completeUpload(
  app: App,
  principal: Principal,
  machineId: string,
  id: string,
  { checksum: said, idempotencyKey }: { readonly checksum: string | null; readonly idempotencyKey: string | undefined },
): Promise<Completed> {
  const checksum = said?.toLowerCase() ?? null
  const request = keyed(idempotencyKey, 'completeUploadSession', machineId, id, checksum)
  const asked: Asked = { principal, request, checksum }
  for (;;) {
    const upload = await theUpload(app, principal, machineId, id)
    await refuseOtherRequest(app.db, asked)
    if (upload.state === 'completed') return completed(app, upload, checksum)
    if (upload.state === 'aborted' || upload.state === 'expired') throw notOpen(upload)
    if (upload.failure !== null && upload.failure.key === request.key) throw parseFailure(upload.failure.error)
    const work = app.lock.tryRun(lockOf(id), 'complete', () => complete(app, upload, asked))
    if (work) return work
    await app.lock.released(lockOf(id))
  }
}

export const lockOf = (uploadId: string): string => `completion of ${uploadId}`

async function complete(app: App, { id }: Upload, asked: Asked): Promise<Completed> {
  const { upload, parts } = await begin(app, id, asked)
  using transfer = beginTransfer(`complete ${id}`, undefined, STALL_MS)
  let published: Published
  let checksum: string | null
  try {
    checksum = await check(app, transfer.op, upload, parts, asked.checksum)
    published = await publish(app, transfer, upload, parts, asked.principal)
  } catch (error) {
    await reopen(app, upload, asked.request, error)
    throw error
  }
  const done = await app.db.transaction().execute(async (tx) => {
    const change = { state: 'completed', updatedAt: app.clock.now(), published, checksum, failure: null } as const
    return (await closeUpload(tx, id, change, ['completing'])) ? findUpload(tx, id) : null
  })
  // Its machine was destroyed in the same moment.
  if (!done) throw noMachine(upload.machineId)
  await app.host.staging.drop(id).catch((error: unknown) => app.log.warn({ err: error, upload: id }, 'parts of an upload are left behind'))
  return completed(app, done, null)
}

/** From here on no part changes any more. */
async function begin(app: App, id: string, asked: Asked): Promise<{ upload: Upload; parts: readonly StagedPart[] }> {
  return app.db.transaction().execute(async (tx) => {
    const upload = await openUpload(tx, id, app.clock.now())
    if (!upload) throw noUpload(id)
    if (upload.state !== 'open') throw notOpen(upload)
    const parts = await uploadParts(tx, id)
    const missing = firstMissing(upload, parts)
    if (missing !== null) {
      throw uploadError(id, 'missing_parts', { say: `Part ${missing} of upload ${id} is missing, at least.`, part: missing })
    }
    if (!(await refuseOtherRequest(tx, asked))) await remember(tx, asked.principal, asked.request, [id], app.clock.now())
    await updateUpload(tx, id, { state: 'completing', failure: null }, ['open'])
    return { upload, parts }
  })
}

/** Whether this very request came before. */
async function refuseOtherRequest(db: Db | Tx, { principal, request: { key, hash } }: Asked): Promise<boolean> {
  const earlier = key === undefined ? null : await findIdempotency(db, principal.ownerId, key)
  if (earlier && earlier.request_hash !== hash) {
    throw new AppError('idempotency_conflict', { say: 'This Idempotency-Key was used for a different request.' })
  }
  return earlier !== null
}

/** The checksum that it was compared with, if any was said. */
async function check(app: App, op: Op, upload: Upload, parts: readonly StagedPart[], said: string | null): Promise<string | null> {
  const checksum = said ?? upload.checksum
  if (checksum === null) return null
  if (upload.checksum !== null && upload.checksum !== checksum) throw otherChecksum(upload, upload.checksum)
  const found = await app.host.staging.sum(op, upload.id, filesOf(parts))
  if (found !== checksum) throw otherChecksum(upload, found)
  return checksum
}

async function publish(
  app: App,
  transfer: Transfer,
  upload: Upload,
  parts: readonly StagedPart[],
  principal: Principal,
): Promise<Published> {
  const { id, machineId, maybePublished } = upload
  using use = await useMachine(app, principal, machineId)
  const files = use.guest.files({ user: upload.user ?? '', base: baseOf(use.machine, upload.user) })
  // Before the guest has anything of it: whoever comes after our death, or after its own, cannot know how far this got.
  await updateUpload(app.db, id, { maybePublished: true }, ['completing'])
  try {
    return await put(files, transfer, upload, app.host.staging.read(id, filesOf(parts)))
  } catch (error) {
    if (error instanceof FileRefused) {
      if (error.refusal === 'exists' && maybePublished && (await isThere(app, transfer, files, upload, parts).catch(() => false)))
        return { bytes: upload.contentLength, files: 1 }
      await updateUpload(app.db, id, { maybePublished: false }, ['completing'])
    }
    throw await publishFailure(app, upload, error)
  }
}

async function put(
  files: GuestFiles,
  { op, owed, toGuest }: Transfer,
  { kind, targetPath, conflict, contentLength }: Upload,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Published> {
  if (kind === 'directory_tar') return owed(files.unpack(op, targetPath, conflict, toGuest(bytes)))
  await owed(files.write(op, targetPath, toGuest(bytes), { exclusive: conflict === 'error' }))
  return { bytes: contentLength, files: 1 }
}

/** Whether the file that is in the way is this one, put there by an earlier try whose end was never heard of. */
async function isThere(
  app: App,
  { op, owed, fromGuest }: Transfer,
  files: GuestFiles,
  upload: Upload,
  parts: readonly StagedPart[],
): Promise<boolean> {
  if (upload.kind !== 'file') return false
  const { entry, bytes } = await owed(files.read(op, upload.targetPath))
  const hash = createHash('sha256')
  // Also when its size tells already: what was opened is to be read to its end.
  for await (const chunk of fromGuest(bytes)) hash.update(chunk)
  if (BigInt(entry.size) !== BigInt(upload.contentLength)) return false
  return hash.digest('hex') === (await app.host.staging.sum(op, upload.id, filesOf(parts)))
}

/** It takes parts again. What repeating cannot mend is kept for the same request: it may not have heard of it. */
async function reopen(app: App, { id }: Upload, { key }: Keyed, error: unknown): Promise<void> {
  const lasting = key !== undefined && error instanceof AppError && ABOUT_CONTENTS.has(error.code)
  const failure = lasting ? { key, error: JSON.stringify(toFailure(error)) } : null
  await updateUpload(app.db, id, { state: 'open', updatedAt: app.clock.now(), failure }, ['completing'])
}

/** About what was sent, not about how the machine fares. */
const ABOUT_CONTENTS: ReadonlySet<ErrorCode> = new Set([
  'file_upload_error',
  'file_error',
  'file_not_found',
  'permission_denied',
  'invalid_request',
])

interface Failure {
  readonly code: ErrorCode
  readonly say: string
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly upload?: UploadErrorDetail | undefined
}

const toFailure = ({ code, message, details, upload }: AppError): Failure => ({ code, say: message, details, upload })

function parseFailure(json: string): AppError {
  const { code, say, details, upload } = JSON.parse(json) as Failure
  return new AppError(code, { say, ...(details ? { details } : {}), ...(upload ? { upload } : {}) })
}

/** `checksum`: what it is said to be; another one is another upload. */
async function completed(app: App, upload: Upload, checksum: string | null): Promise<Completed> {
  if (checksum !== null && upload.checksum !== null && checksum !== upload.checksum) throw otherChecksum(upload, upload.checksum)
  const { bytes, files } = upload.published ?? { bytes: 0, files: 0 }
  return { session: await sessionOf(app, upload), published_bytes: bytes, published_file_count: files }
}

const otherChecksum = ({ id }: Upload, is: string): AppError =>
  uploadError(id, 'whole_checksum_mismatch', { say: `The whole of upload ${id} has another SHA-256 than was said: ${is}.` })

const filesOf = (parts: readonly StagedPart[]): string[] => parts.map(({ file }) => file)
