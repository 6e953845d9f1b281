// How a failure is told: one line and what to do on stderr, or one JSON object on stdout; the exit code goes by its code.

import { EXIT, exitCodeOf } from '@nullspace/contract/exit-codes.ts'
import { FileUploadError, MachineError } from '@nullspace/sdk'
import type { Io } from './io.ts'

/** A failure of the CLI itself. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: string
  readonly suggestedAction: string | undefined

  constructor(code: string, message: string, suggestedAction?: string) {
    super(message)
    this.code = code
    this.suggestedAction = suggestedAction
  }
}

export const usageError = (message: string, suggestedAction?: string): CliError => new CliError('invalid_request', message, suggestedAction)

/** What `--json` prints below `error`. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly request_id: string | null
  readonly retryable: boolean | null
  readonly suggested_action?: string
  readonly details?: Readonly<Record<string, unknown>>
  /** Of a run whose machine was kept. */
  readonly retained_machine_id?: string
  /** Of an upload: why, in one word, and what "machine upload --resume" takes. */
  readonly reason?: string
  readonly upload_id?: string
}

export function describeFailure(error: unknown): Failure {
  const machine = error instanceof MachineError ? error : undefined
  const upload = error instanceof FileUploadError ? error : undefined
  const action = error instanceof MachineError || error instanceof CliError ? error.suggestedAction : undefined
  return {
    code: error instanceof MachineError || error instanceof CliError ? error.code : 'unknown',
    message: error instanceof Error ? error.message : String(error),
    request_id: machine?.requestId ?? null,
    retryable: machine?.retryable ?? null,
    ...(action === undefined ? {} : { suggested_action: action }),
    ...(machine?.details === undefined ? {} : { details: machine.details }),
    ...(machine?.retainedMachineId === undefined ? {} : { retained_machine_id: machine.retainedMachineId }),
    ...(upload?.reason === undefined ? {} : { reason: upload.reason }),
    ...(upload?.uploadId === undefined ? {} : { upload_id: upload.uploadId }),
  }
}

/** Of an upload it is the reason that tells, or what went wrong on the way. */
function exitCodeOfFailure({ code, reason, details }: Failure): number {
  if (reason !== undefined) return TOO_MUCH.has(reason) ? EXIT.quota : exitCodeOf(reason)
  const wrapped = details?.['wrapped_code']
  return exitCodeOf(typeof wrapped === 'string' ? wrapped : code)
}

const TOO_MUCH = new Set(['insufficient_staging_space', 'size_limit_exceeded'])

export interface Manner {
  readonly json: boolean
  readonly verbose: boolean
}

/** Prints the failure; answers the exit code. */
export function reportFailure(error: unknown, io: Io, { json, verbose }: Manner): number {
  const failure = describeFailure(error)
  if (json) io.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`)
  else io.stderr.write(failureText(failure, verbose))
  if (verbose && error instanceof Error && failure.code === 'unknown') io.stderr.write(`${error.stack}\n`)
  return exitCodeOfFailure(failure)
}

export function failureText({ message, code, suggested_action, request_id, retained_machine_id }: Failure, verbose: boolean): string {
  const lines = [`error: ${message} (${code})`]
  if (suggested_action !== undefined) lines.push(suggested_action)
  if (retained_machine_id !== undefined) lines.push(`The machine was kept: ${retained_machine_id}`)
  if (verbose && request_id !== null) lines.push(`request id: ${request_id}`)
  return `${lines.join('\n')}\n`
}
