// What a call can fail with. Programs go by `code` or by class; classes are chosen by `code` (error-map.ts).

export interface MachineErrorOptions {
  readonly code?: string | undefined
  readonly requestId?: string | undefined
  readonly retryable?: boolean | undefined
  readonly suggestedAction?: string | undefined
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

/** Base of every failure of this library, but for an aborted `signal`: that rejects with the signal's reason. */
export class MachineError extends Error {
  override readonly name: string = 'MachineError'
  /** Lower-case, stable, e.g. `machine_not_found`; made here: `transport_error`, `timeout`, `invalid_response`, `missing_api_key`. */
  readonly code: string
  /** Id to quote when reporting a problem; the daemon's log has it. */
  readonly requestId: string | undefined
  /** Whether the same request may succeed later without a change; undefined when the daemon did not say. */
  readonly retryable: boolean | undefined
  /** What to do about it, one sentence. */
  readonly suggestedAction: string | undefined
  /** For programs; its shape depends on `code`. */
  readonly details: Readonly<Record<string, unknown>> | undefined
  /** From `Machine.runOnce` with `retainOnFailure`: the machine that was kept for a look at it. */
  retainedMachineId: string | undefined

  constructor(message: string, options: MachineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code ?? 'unknown'
    this.requestId = options.requestId
    this.retryable = options.retryable
    this.suggestedAction = options.suggestedAction
    this.details = options.details
  }
}

/** The key is missing, unknown or revoked. */
export class AuthError extends MachineError {
  override readonly name = 'AuthError'
}

/** The key is good but may not do this. */
export class PermissionError extends MachineError {
  override readonly name = 'PermissionError'
}

/** No such machine, template, key, ... of this owner. */
export class NotFoundError extends MachineError {
  override readonly name = 'NotFoundError'
}

/** The state of the thing does not allow it, or a key was used again for something else. */
export class ConflictError extends MachineError {
  override readonly name = 'ConflictError'
}

/** The host or the owner's quota is full. */
export class QuotaExceededError extends MachineError {
  override readonly name = 'QuotaExceededError'
}

/** Too many requests, and the retries did not help. */
export class RateLimitError extends MachineError {
  override readonly name = 'RateLimitError'
  /** Seconds to wait, as the daemon asked. */
  readonly retryAfter: number

  constructor(message: string, options: MachineErrorOptions & { readonly retryAfter: number }) {
    super(message, options)
    this.retryAfter = options.retryAfter
  }
}

/** The daemon knows the option or route by name, but does not have it. */
export class NotImplementedError extends MachineError {
  override readonly name = 'NotImplementedError'
}

/** A template could not be built. */
export class BuildError extends MachineError {
  override readonly name = 'BuildError'
}

export interface FileUploadErrorOptions extends MachineErrorOptions {
  readonly reason?: string | undefined
  readonly uploadId?: string | undefined
  readonly path?: string | undefined
  readonly partNumber?: number | undefined
}

/** An upload failed. */
export class FileUploadError extends MachineError {
  override readonly name = 'FileUploadError'
  /** E.g. `target_conflict`, `whole_checksum_mismatch`, `upload_expired`; undefined when it was none of the daemon's: see `cause`. */
  readonly reason: string | undefined
  /** For `files.resumeUpload`; undefined when it had not begun. */
  readonly uploadId: string | undefined
  /** In the machine, or in the archive, that it is about. */
  readonly path: string | undefined
  /** From 0. */
  readonly partNumber: number | undefined

  constructor(message: string, options: FileUploadErrorOptions = {}) {
    super(message, options)
    this.reason = options.reason
    this.uploadId = options.uploadId
    this.path = options.path
    this.partNumber = options.partNumber
  }
}

/** Git failed. */
export class GitError extends MachineError {
  override readonly name = 'GitError'
  /** Git's own; undefined when it is not known. */
  readonly exitCode: number | undefined
  /** The end of what git said. */
  readonly output: string

  constructor(message: string, options: MachineErrorOptions = {}) {
    super(message, options)
    const { exit_code: exitCode, output } = options.details ?? {}
    this.exitCode = typeof exitCode === 'number' ? exitCode : undefined
    this.output = typeof output === 'string' ? output : ''
  }
}

/** No answer within the request timeout. The request may have had its effect. */
export class TimeoutError extends MachineError {
  override readonly name = 'TimeoutError'

  constructor(message: string, options: MachineErrorOptions = {}) {
    super(message, { ...options, code: 'timeout' })
  }
}

/** The connection failed or was lost. */
export class TransportError extends MachineError {
  override readonly name = 'TransportError'
  /** False when there was no connection at all, so that the request cannot have had an effect. */
  readonly reached: boolean

  constructor(message: string, options: MachineErrorOptions & { readonly reached: boolean }) {
    super(message, { ...options, code: 'transport_error' })
    this.reached = options.reached
  }
}
