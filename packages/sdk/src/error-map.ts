// From a refusal on the wire to an error object. The status is looked at only for 429 without a code.

import { ERRORS, type ErrorSpec } from '@nullspace/contract/errors.ts'
import {
  AuthError,
  BuildError,
  ConflictError,
  FileUploadError,
  GitError,
  MachineError,
  NotFoundError,
  NotImplementedError,
  PermissionError,
  QuotaExceededError,
  RateLimitError,
  type FileUploadErrorOptions,
} from './errors.ts'

type ErrorClass = new (message: string, options: FileUploadErrorOptions) => MachineError

const CREDENTIAL = /^(edge_token|preview_proxy_token)_(missing|expired|invalid|revoked|scope_mismatch)$/

/** First match wins. */
const CLASSES: readonly (readonly [matches: (code: string) => boolean, make: ErrorClass])[] = [
  [(code) => ['unauthorized', 'unauthenticated', 'missing_api_key'].includes(code), AuthError],
  [(code) => CREDENTIAL.test(code) || code === 'preview_grant_invalid' || code === 'preview_grant_revoked', AuthError],
  [(code) => code === 'forbidden' || code === 'permission_denied' || code.endsWith('_permission_denied'), PermissionError],
  [(code) => code === 'capacity_exceeded' || code.includes('quota'), QuotaExceededError],
  [(code) => CONFLICTS.has(code) || code.endsWith('_conflict'), ConflictError],
  [(code) => code === 'not_found' || code.endsWith('_not_found'), NotFoundError],
  [(code) => code === 'file_upload_error', FileUploadError],
  [(code) => code === 'git_error', GitError],
  [(code) => code === 'build_error', BuildError],
  [(code) => code === 'not_implemented', NotImplementedError],
]

const CONFLICTS = new Set(['conflict', 'machine_not_ready', 'snapshot_in_use', 'rebuild_required', 'incompatible_snapshot', 'volume_busy'])

/** The error object for `code`, whatever its letter case. */
export function makeError(code: string, message: string, options: Omit<FileUploadErrorOptions, 'code'> = {}): MachineError {
  const name = code.toLowerCase()
  if (name === 'rate_limit_exceeded') return new RateLimitError(message, { ...options, code: name, retryAfter: 1 })
  const Class = CLASSES.find(([matches]) => matches(name))?.[1] ?? MachineError
  return new Class(message, { ...options, code: name })
}

/** From an `error` frame, which has no more than these. */
export function errorFromFrame({ message, code = 'unknown' }: { readonly message?: string; readonly code?: string }): MachineError {
  const known: Readonly<Record<string, ErrorSpec>> = ERRORS
  const { retryable, action } = (Object.hasOwn(known, code) && known[code]) || {}
  return makeError(code, message ?? 'the daemon gave no reason', { retryable, suggestedAction: action })
}

export interface Refusal {
  readonly status: number
  readonly text: string
  readonly requestId: string | undefined
  /** The `Retry-After` header. */
  readonly retryAfter: string | null
}

export function errorFromRefusal({ status, text, requestId, retryAfter }: Refusal): MachineError {
  const body = envelope(text)
  const code = typeof body['code'] === 'string' ? body['code'] : undefined
  const message = typeof body['message'] === 'string' ? body['message'] : text.trim().slice(0, 500) || `status ${status} without a body`
  const options = {
    requestId: typeof body['request_id'] === 'string' ? body['request_id'] : requestId,
    retryable: typeof body['retryable'] === 'boolean' ? body['retryable'] : undefined,
    suggestedAction: typeof body['suggested_action'] === 'string' ? body['suggested_action'] : undefined,
    details: isObject(body['details']) ? body['details'] : undefined,
    ...uploadFailure(body['error_detail']),
  }
  if (status === 429 && (code === undefined || code.toLowerCase() === 'rate_limit_exceeded')) {
    return new RateLimitError(message, { ...options, code: 'rate_limit_exceeded', retryAfter: seconds(retryAfter) })
  }
  return makeError(code ?? 'unknown', message, options)
}

/** Of an upload; other errors have details of another form there. */
function uploadFailure(detail: unknown): Pick<FileUploadErrorOptions, 'reason' | 'uploadId' | 'path' | 'partNumber'> {
  if (!isObject(detail)) return {}
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    reason: text(detail['reason']),
    uploadId: text(detail['upload_id']),
    path: text(detail['path']),
    partNumber: typeof detail['part_number'] === 'number' ? detail['part_number'] : undefined,
  }
}

/** Flat (`error` is the text) or nested (`error` is the object); anything else is no envelope. */
function envelope(text: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return {}
  }
  if (!isObject(body)) return {}
  if (isObject(body['error'])) return body['error']
  return { ...body, message: body['error'] }
}

/** Decimals are allowed; a date or nothing is one second. */
export function seconds(header: string | null): number {
  const value = header === null || header.trim() === '' ? Number.NaN : Number(header)
  return Number.isFinite(value) && value >= 0 ? value : 1
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
