// Uploads that survive a cut: begun, looked at, given up, forgotten. Their parts lie on the host until they are put
// together, so sending them neither needs nor wakes the machine.

import { AppError } from '@nullspace/contract/errors.ts'
import { type UploadId, uploadIds } from '@nullspace/contract/ids.ts'
import { UPLOAD_LIMITS, type createUploadSession, type UploadSession } from '@nullspace/contract/uploads.ts'
import type { RouteBody } from '@nullspace/contract/route.ts'
import { whyNotStage } from '../domain/admission.ts'
import type { Principal } from '../domain/principal.ts'
import { asOf, expiresAt, firstMissing, isStaging, partCount, partSizeFor, type StagedPart, type Upload } from '../domain/upload.ts'
import type { Db, Tx } from '../store/db.ts'
import { findMachine } from '../store/tables/machines.ts'
import { closeUpload, findUpload, insertUpload, stagingOf, uploadParts } from '../store/tables/uploads.ts'
import { refuseWhileDraining } from './admission.ts'
import type { App } from './context.ts'
import { baseOf, refuseReserved } from './files-use.ts'
import { keyed, type Keyed, madeBefore, once, remember } from './idempotency.ts'
import { getMachine, noMachine } from './machines.ts'
import { notOpen, noUpload, uploadError } from './uploads-errors.ts'

type Input = RouteBody<typeof createUploadSession>

export async function createUpload(
  app: App,
  principal: Principal,
  machineId: string,
  { input, idempotencyKey }: { readonly input: Input; readonly idempotencyKey: string | undefined },
): Promise<UploadSession> {
  refuseWhileDraining(app)
  // Before everything is sent; where a link leads only the guest knows.
  refuseReserved(baseOf(await getMachine(app, principal, machineId), input.user), input.target_path, 'target_path')
  const request = keyed(idempotencyKey, 'createUploadSession', machineId, input)
  const upload = await once(app, principal, request, {
    earlier: () => repeatOf(app, principal, request),
    make: () => createNew(app, principal, machineId, input, request),
  })
  return sessionOf(app, upload)
}

export async function getUpload(app: App, principal: Principal, machineId: string, id: string): Promise<UploadSession> {
  return sessionOf(app, await theUpload(app, principal, machineId, id))
}

/** Again is harmless. What is completed stays where it was put. */
export async function abortUpload(app: App, principal: Principal, machineId: string, id: string): Promise<void> {
  await theUpload(app, principal, machineId, id)
  const over = await app.db.transaction().execute(async (tx) => {
    const upload = await openUpload(tx, id, app.clock.now())
    if (upload === null) throw noUpload(id)
    if (upload.state === 'completed' || upload.state === 'completing') throw notOpen(upload)
    return closeUpload(tx, id, { state: 'aborted', updatedAt: app.clock.now() }, ['open'])
  })
  if (over) await app.host.staging.drop(id)
}

/** The caller's own, as it is now. */
export async function theUpload(app: App, principal: Principal, machineId: string, id: string): Promise<Upload> {
  await getMachine(app, principal, machineId)
  const upload = await openUpload(app.db, id, app.clock.now())
  if (!upload || upload.machineId !== machineId || upload.ownerId !== principal.ownerId) throw noUpload(id)
  return upload
}

export async function openUpload(db: Db | Tx, id: string, now: number): Promise<Upload | null> {
  const upload = await findUpload(db, id)
  return upload && asOf(upload, now)
}

export async function sessionOf(app: App, upload: Upload): Promise<UploadSession> {
  return toSession(upload, isStaging(upload) ? await uploadParts(app.db, upload.id) : [])
}

async function createNew(app: App, principal: Principal, machineId: string, input: Input, request: Keyed): Promise<Upload> {
  // Also what is refused has an id: the published client needs one to tell the reason.
  const id = uploadIds.mint(app.random) as UploadId
  if (input.content_length > UPLOAD_LIMITS.uploadBytes) {
    throw uploadError(id, 'size_limit_exceeded', { say: `An upload may have ${UPLOAD_LIMITS.uploadBytes} bytes at most.` })
  }
  const room = await app.host.room()
  return app.db.transaction().execute(async (tx) => {
    const machine = await findMachine(tx, machineId)
    if (!machine || machine.state === 'destroyed') throw noMachine(machineId)
    const staging = await stagingOf(tx, machineId)
    const full = whyNotOnMachine(staging, input.content_length) ?? whyNotStage(room, input.content_length, staging.outstandingBytes)
    if (full !== null) throw uploadError(id, 'insufficient_staging_space', { say: full })
    const now = app.clock.now()
    const upload: Upload = {
      id,
      ownerId: principal.ownerId,
      machineId: machine.id,
      kind: input.kind,
      sourceKind: input.source_kind,
      targetPath: input.target_path,
      contentLength: input.content_length,
      partSize: partSizeFor(input.content_length),
      conflict: input.conflict,
      checksum: input.whole_checksum_sha256?.toLowerCase() ?? null,
      user: input.user ?? null,
      state: 'open',
      createdAt: now,
      updatedAt: now,
      maybePublished: false,
      published: null,
      failure: null,
    }
    await remember(tx, principal, request, [id], now)
    await insertUpload(tx, upload)
    return upload
  })
}

/** What an earlier request under this key made. Null: the key is new. */
async function repeatOf(app: App, principal: Principal, request: Keyed): Promise<Upload | null> {
  const [id] = (await madeBefore(app, principal, request)) ?? []
  if (id === undefined) return null
  const upload = await openUpload(app.db, id, app.clock.now())
  if (!upload)
    throw new AppError('upload_not_found', { say: 'The upload of this Idempotency-Key is forgotten; use a new key for another.' })
  return upload
}

function whyNotOnMachine({ open, reservedBytes }: { open: number; reservedBytes: number }, bytes: number): string | null {
  if (open >= UPLOAD_LIMITS.open) return `A machine may have ${UPLOAD_LIMITS.open} uploads at a time.`
  if (reservedBytes + bytes <= UPLOAD_LIMITS.stagingBytes) return null
  return `The uploads of a machine may have ${UPLOAD_LIMITS.stagingBytes} bytes together, and ${reservedBytes} are promised to others.`
}

function toSession(upload: Upload, parts: readonly StagedPart[]): UploadSession {
  const staging = isStaging(upload)
  const next = staging ? firstMissing(upload, parts) : null
  const accepted = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    upload_id: upload.id,
    kind: upload.kind,
    source_kind: upload.sourceKind,
    target_path: upload.targetPath,
    content_length: upload.contentLength,
    accepted_bytes: upload.state === 'completed' ? upload.contentLength : accepted,
    reserved_staging_bytes: staging ? upload.contentLength : 0,
    part_size: upload.partSize,
    part_count: partCount(upload),
    max_concurrency: UPLOAD_LIMITS.concurrency,
    status: upload.state === 'open' ? progress(parts, next) : upload.state,
    conflict: upload.conflict,
    checksum_algorithm: 'sha256',
    limits: {
      max_upload_bytes: UPLOAD_LIMITS.uploadBytes,
      max_part_bytes: UPLOAD_LIMITS.partBytes,
      max_concurrency: UPLOAD_LIMITS.concurrency,
      machine_staging_quota_bytes: UPLOAD_LIMITS.stagingBytes,
    },
    created_at: new Date(upload.createdAt).toISOString(),
    updated_at: new Date(upload.updatedAt).toISOString(),
    expires_at: new Date(expiresAt(upload)).toISOString(),
    ...(upload.user === null ? {} : { user: upload.user }),
    ...(next === null ? {} : { next_part: next }),
    ...(upload.kind === 'directory_tar' ? { archive_format: 'tar' as const } : {}),
    ...(upload.checksum === null ? {} : { whole_checksum_sha256: upload.checksum }),
  }
}

function progress(parts: readonly StagedPart[], next: number | null): 'created' | 'uploading' | 'staged' {
  if (next === null) return 'staged'
  return parts.length === 0 ? 'created' : 'uploading'
}
