// Uploads that survive a cut: parts in any order, put together and published at the end.

import { z } from 'zod'
import { FILE_ERRORS } from './files.ts'
import { GuestUser, IdempotencyHeaders, MachineParams, Metadata } from './machines.ts'
import { NO_BODY, route } from './route.ts'

export const UPLOAD_LIMITS = {
  uploadBytes: 8 * 1024 ** 3,
  partBytes: 8 * 1024 * 1024,
  concurrency: 4,
  /** What all uploads of a machine may hold on the host together. */
  stagingBytes: 16 * 1024 ** 3,
  /** Of a machine at a time, however small. */
  open: 1000,
  /** An upload that nothing comes to for so long is given up; one that is done is remembered as long. */
  expiresMs: 24 * 3600_000,
} as const

const UPLOAD_ERRORS = [...FILE_ERRORS, 'upload_not_found', 'file_upload_error', 'idempotency_conflict', 'payload_too_large'] as const
const sha256 = z.string().regex(/^[0-9a-f]{64}$/i, 'must be a SHA-256 in hex')
const UploadParams = z.object({ id: z.string(), upload_id: z.string() })

export const UploadKind = z.enum(['file', 'directory_tar'])
export const UploadSourceKind = z.enum(['restartable_file', 'spooled_stream', 'directory_archive'])
export const UploadConflict = z.enum(['merge', 'replace', 'error'])
export const UploadStatus = z.enum(['created', 'uploading', 'staged', 'completing', 'completed', 'aborted', 'expired', 'failed'])

/** Closed object, with its limits. */
export const UploadSession = z.object({
  upload_id: z.string(),
  kind: UploadKind,
  source_kind: UploadSourceKind,
  target_path: z.string(),
  content_length: z.number().int(),
  /** Of the parts that are kept; after a completion, of all. */
  accepted_bytes: z.number().int(),
  /** What it takes of the machine's staging quota; 0 when it is over. */
  reserved_staging_bytes: z.number().int(),
  /** Of every part but the last, bytes. */
  part_size: z.number().int(),
  /** 0 for an upload of nothing, which may be sent as an empty part 0 or not at all. */
  part_count: z.number().int(),
  max_concurrency: z.number().int(),
  status: UploadStatus,
  conflict: UploadConflict,
  checksum_algorithm: z.literal('sha256'),
  limits: z.object({
    max_upload_bytes: z.number().int(),
    max_part_bytes: z.number().int(),
    max_concurrency: z.number().int(),
    machine_staging_quota_bytes: z.number().int(),
  }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  user: z.string().optional(),
  /** The first part that is missing; left out when none is. */
  next_part: z.number().int().optional(),
  archive_format: z.literal('tar').optional(),
  whole_checksum_sha256: z.string().optional(),
})
export type UploadSession = z.output<typeof UploadSession>

const shared = { access: 'key', errors: UPLOAD_ERRORS } as const

export const createUploadSession = route({
  ...shared,
  id: 'createUploadSession',
  method: 'POST',
  path: '/v1/machines/{id}/uploads',
  summary: 'Begin an upload of a file, or of a directory as a tar.',
  params: MachineParams,
  headers: IdempotencyHeaders,
  body: z
    .strictObject({
      kind: UploadKind,
      source_kind: UploadSourceKind,
      target_path: z
        .string()
        .min(1)
        .max(4095)
        .refine((path) => !path.includes('\0'), 'must not contain NUL'),
      content_length: z.number().int().min(0),
      conflict: UploadConflict,
      checksum_algorithm: z.literal('sha256'),
      archive_format: z.literal('tar').nullish(),
      whole_checksum_sha256: sha256.nullish(),
      /** Taken and not kept: nothing shows it again. */
      metadata: Metadata.nullish(),
      user: GuestUser.nullish(),
    })
    .refine((body) => body.kind === 'directory_tar' || body.archive_format == null, {
      path: ['archive_format'],
      message: 'is for a directory_tar only',
    }),
  success: { status: 200, body: z.object({ session: UploadSession }) },
})

export const getUploadSession = route({
  ...shared,
  id: 'getUploadSession',
  method: 'GET',
  path: '/v1/machines/{id}/uploads/{upload_id}',
  summary: 'How far an upload is.',
  params: UploadParams,
  success: { status: 200, body: UploadSession },
})

export const uploadSessionPart = route({
  ...shared,
  id: 'uploadSessionPart',
  method: 'PUT',
  path: '/v1/machines/{id}/uploads/{upload_id}/parts/{part_number}',
  summary: 'One part, from 0, in any order; again is harmless. It is kept when this is answered.',
  params: UploadParams.extend({ part_number: z.coerce.number().int().min(0) }),
  headers: z.object({ 'x-nullspace-part-sha256': sha256.optional() }),
  upload: 'bytes',
  success: { status: 200, body: UploadSession },
})

export const completeUploadSession = route({
  ...shared,
  id: 'completeUploadSession',
  method: 'POST',
  path: '/v1/machines/{id}/uploads/{upload_id}/complete',
  summary: 'Check the whole and put it in place, all at once. Again with the same key gives the same answer.',
  params: UploadParams,
  headers: IdempotencyHeaders,
  body: z.strictObject({ whole_checksum_sha256: sha256.nullish() }),
  // A failure that comes after the status was sent has no form that the published client reads, so the connection is cut.
  // That client asks again with the same key, and is told then: what cannot be mended by repeating is remembered.
  patient: { late: () => null },
  success: {
    status: 200,
    /** Closed object. */
    body: z.object({ session: UploadSession, published_bytes: z.number().int(), published_file_count: z.number().int() }),
  },
})

export const abortUploadSession = route({
  ...shared,
  id: 'abortUploadSession',
  method: 'DELETE',
  path: '/v1/machines/{id}/uploads/{upload_id}',
  summary: 'Give an upload up; what was staged is gone.',
  params: UploadParams,
  success: { status: 204, body: NO_BODY },
})
