// How an upload is refused: with a reason that the published client turns into the class of its exception.

import { AppError, type UploadErrorReason } from '@nullspace/contract/errors.ts'
import type { Upload } from '../domain/upload.ts'
import { FileRefused, type FileRefusal } from '../host/guest/guest-files.ts'
import type { App } from './context.ts'
import { fileFailure, sentence } from './file-failures.ts'
import { workFailure } from './use.ts'

/** Repeating helps: something is sent again, or meanwhile there is room. */
const RETRYABLE: ReadonlySet<UploadErrorReason> = new Set(['insufficient_staging_space', 'invalid_part_checksum', 'missing_parts'])

interface UploadErrorOptions {
  readonly say: string
  readonly path?: string
  readonly part?: number
  readonly cause?: unknown
}

/** Always with the id: without one the client loses the reason. */
export function uploadError(uploadId: string, reason: UploadErrorReason, { say, path, part, cause }: UploadErrorOptions): AppError {
  return new AppError('file_upload_error', {
    say,
    upload: {
      reason,
      retryable: RETRYABLE.has(reason),
      upload_id: uploadId,
      ...(path === undefined ? {} : { path }),
      ...(part === undefined ? {} : { part_number: part }),
    },
    cause,
  })
}

export function noUpload(id: string): AppError {
  return new AppError('upload_not_found', { say: `There is no upload ${id.slice(0, 80)}.` })
}

/** Why nothing more can come to it. */
export function notOpen({ id, state }: Upload): AppError {
  switch (state) {
    case 'aborted':
      return uploadError(id, 'upload_aborted', { say: `Upload ${id} was aborted.` })
    case 'expired':
      return uploadError(id, 'upload_expired', { say: `Nothing came to upload ${id} for so long that it was given up.` })
    case 'completed':
      return uploadError(id, 'upload_already_completed', { say: `Upload ${id} is completed.` })
    case 'open':
    case 'completing':
      return new AppError('transition_in_progress', { say: `Upload ${id} is just being put in place.`, details: { upload_id: id } })
  }
}

export const noSpace = (id: string, cause?: unknown): AppError =>
  uploadError(id, 'insufficient_staging_space', { say: 'The host has no disk space left for parts of uploads.', cause })

const REASONS: Partial<Record<FileRefusal, UploadErrorReason>> = {
  exists: 'target_conflict',
  bad_archive_path: 'directory_extract_invalid_path',
  bad_archive_link: 'directory_extract_invalid_symlink',
  bad_archive_entry: 'directory_extract_unsupported_entry',
}

/** Why it could not be put in place. */
export async function publishFailure(app: App, { id, machineId, targetPath }: Upload, error: unknown): Promise<AppError> {
  if (!(error instanceof FileRefused)) return workFailure(app, machineId, error)
  const reason = REASONS[error.refusal]
  if (reason) return uploadError(id, reason, { say: sentence(error.message), path: targetPath, cause: error })
  return fileFailure(error, 'target_path')
}
