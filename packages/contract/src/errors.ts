// Every error code that we send, with what a caller should do about it. Clients go by `code`, never by the status.
// docs/errors.md is generated from this table.

export interface ErrorSpec {
  readonly status: number
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean
  /** What to do, one sentence, sent as `suggested_action`. */
  readonly action: string
}

export const ERRORS = {
  invalid_request: { status: 400, retryable: false, action: 'Correct the field that the message names and send the request again.' },
  invalid_fields: { status: 400, retryable: false, action: 'Ask only for fields that the message lists.' },
  unauthorized: {
    status: 401,
    retryable: false,
    action: 'Send a valid API key as "Authorization: Bearer ns_live_..."; "nullspace key create" makes one.',
  },
  quota_exceeded: {
    status: 403,
    retryable: false,
    action: 'Destroy or pause machines, delete snapshots, or have an operator raise the quota ("nullspace quota set").',
  },
  permission_denied: { status: 403, retryable: false, action: 'Name another "user", or change the owner or the permissions.' },
  forbidden: { status: 403, retryable: false, action: 'Use the key of an operator of this host.' },
  not_found: { status: 404, retryable: false, action: 'Check the path; the routes are listed at /openapi.json.' },
  machine_not_found: {
    status: 404,
    retryable: false,
    action: 'Check the machine id with "nullspace machine list"; a destroyed machine is gone.',
  },
  template_not_found: { status: 404, retryable: false, action: 'List the templates with "nullspace template list".' },
  snapshot_not_found: { status: 404, retryable: false, action: 'List the snapshots with "nullspace snapshot list".' },
  webhook_not_found: { status: 404, retryable: false, action: 'List the webhooks with "nullspace webhook list".' },
  delivery_not_found: { status: 404, retryable: false, action: 'List the webhook’s deliveries with "nullspace webhook deliveries ID".' },
  owner_not_found: { status: 404, retryable: false, action: 'The owners are those of "nullspace key list".' },
  process_not_found: { status: 404, retryable: false, action: 'List the processes with "nullspace machine process list".' },
  session_not_found: { status: 404, retryable: false, action: 'List the terminals with "nullspace machine pty list".' },
  file_not_found: { status: 404, retryable: false, action: 'List the directory above it with "nullspace machine file list".' },
  upload_not_found: { status: 404, retryable: false, action: 'Begin a new upload; those that are done are forgotten after a while.' },
  key_not_found: { status: 404, retryable: false, action: 'List the keys with "nullspace key list".' },
  method_not_allowed: { status: 405, retryable: false, action: 'Use a method that the Allow header names.' },
  machine_not_ready: { status: 409, retryable: true, action: 'Look at the machine’s status; wait until it is running.' },
  transition_in_progress: {
    status: 409,
    retryable: true,
    action: 'Another operation on this machine is at work; repeat the request in a moment.',
  },
  snapshot_in_use: {
    status: 409,
    retryable: true,
    action: 'Wait until what uses the snapshot is done; the pause snapshot of a paused machine goes when that is resumed or destroyed.',
  },
  incompatible_snapshot: {
    status: 409,
    retryable: false,
    action: 'Restore it on a host with the hypervisor version, accelerator and processor model that it was taken with.',
  },
  rebuild_required: {
    status: 409,
    retryable: false,
    action: 'The saved state cannot be used any more; create the machine or take the snapshot anew.',
  },
  idempotency_conflict: { status: 409, retryable: false, action: 'Use a new Idempotency-Key for a different request.' },
  file_error: { status: 409, retryable: false, action: 'See the message and "details.reason"; nothing was changed.' },
  git_error: { status: 409, retryable: false, action: 'See what git said, in the message and in "details.output".' },
  file_upload_error: { status: 409, retryable: false, action: 'See "error_detail": its reason says what was wrong with the upload.' },
  payload_too_large: { status: 413, retryable: false, action: 'Send a smaller body.' },
  unsupported_media_type: { status: 415, retryable: false, action: 'Send the body as application/json.' },
  range_not_satisfiable: { status: 416, retryable: false, action: 'Ask for a part that the file has; "details.size" is its length.' },
  capacity_exceeded: { status: 409, retryable: true, action: 'Ask for less, destroy machines that are not needed, or try again later.' },
  internal_error: {
    status: 500,
    retryable: false,
    action: 'Report this with the request id; the daemon’s log has the cause ("nullspace daemon logs").',
  },
  not_implemented: { status: 501, retryable: false, action: 'Leave the named option out.' },
  exec_failed: {
    status: 502,
    retryable: false,
    action: 'Check the program name and its path inside the machine; use "shell": true for shell syntax.',
  },
  machine_failed: {
    status: 502,
    retryable: false,
    action: 'Look at the machine’s status: if it still runs, repeat the request; if it is in error, create a new one.',
  },
  draining: { status: 503, retryable: true, action: 'The daemon is shutting down; repeat the request when it is up again.' },
  template_not_ready: {
    status: 503,
    retryable: true,
    action: 'Build the template’s image first: "npm run quickstart" or "nullspace daemon start".',
  },
  no_eligible_runtime_host: { status: 503, retryable: true, action: 'The host cannot start machines now; "nullspace doctor" says why.' },
  exec_timeout: { status: 504, retryable: false, action: 'Give the command more time (timeout_secs; --timeout in the CLI).' },
  insufficient_storage: { status: 507, retryable: true, action: 'Free disk space on the host; "nullspace doctor" shows how much is left.' },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS

export interface AppErrorOptions {
  /** For the caller: one or two sentences, no internals, no secrets. */
  readonly say: string
  /** For the log only. */
  readonly context?: Readonly<Record<string, unknown>>
  /** For programs, sent as `details`. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Of an upload: closed, read by the published clients, sent as `error_detail`. */
  readonly upload?: UploadErrorDetail
  readonly cause?: unknown
}

/** Why an upload failed, in the words of the wire. */
export interface UploadErrorDetail {
  readonly reason: UploadErrorReason
  readonly retryable: boolean
  readonly upload_id?: string
  readonly path?: string
  readonly part_number?: number
}

export const UPLOAD_REASONS = [
  'insufficient_staging_space',
  'size_limit_exceeded',
  'invalid_part_checksum',
  'whole_checksum_mismatch',
  'target_conflict',
  'upload_expired',
  'directory_extract_invalid_path',
  'directory_extract_invalid_symlink',
  'directory_extract_unsupported_entry',
  'missing_parts',
  'part_out_of_range',
  'part_size_mismatch',
  'upload_aborted',
  'upload_already_completed',
] as const
export type UploadErrorReason = (typeof UPLOAD_REASONS)[number]

/** One error, three audiences: `say` for the caller, `context` and `cause` for the log, `code` for programs. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly context: Readonly<Record<string, unknown>>
  readonly details: Readonly<Record<string, unknown>> | undefined
  readonly upload: UploadErrorDetail | undefined

  constructor(code: ErrorCode, { say, context, details, upload, cause }: AppErrorOptions) {
    super(say, cause === undefined ? undefined : { cause })
    this.code = code
    this.context = context ?? {}
    this.details = details
    this.upload = upload
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}

/** The JSON envelope of every refusal. */
export interface ErrorBody {
  readonly error: string
  readonly code: ErrorCode
  readonly request_id?: string
  readonly retryable: boolean
  readonly suggested_action: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly error_detail?: UploadErrorDetail & { readonly message: string }
}

export function errorBody(error: AppError, requestId?: string): ErrorBody {
  const spec = ERRORS[error.code]
  return {
    error: error.message,
    code: error.code,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    retryable: spec.retryable,
    suggested_action: spec.action,
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(error.upload === undefined ? {} : { error_detail: { ...error.upload, message: error.message } }),
  }
}
