// What the local disk says no to.

import { MachineError } from '../errors.ts'

export const invalid = (message: string, suggestedAction?: string): MachineError =>
  new MachineError(message, { code: 'invalid_request', retryable: false, suggestedAction })

export const changed = (path: string): MachineError => invalid(`${path} was changed during the upload`)

/** `error` as one of this library when it is the file system's; else as it is. */
export function ofLocalFiles(error: unknown): unknown {
  if (error instanceof MachineError || !isSystemError(error)) return error
  return new MachineError(error.message, { code: 'local_file_error', retryable: false, cause: error })
}

/** A transfer whose failure is told to its callback by `tell`, too. */
export async function orTold<T>(tell: (phase: 'failed') => void, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    try {
      tell('failed')
    } catch {
      // It is what `error` is of, or has no say any more.
    }
    throw ofLocalFiles(error)
  }
}

export const isSystemError = (error: unknown, code?: string): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error && (code === undefined || error.code === code)
