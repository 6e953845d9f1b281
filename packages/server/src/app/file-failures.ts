// What a guest says no to, of its files, in the words of the wire.

import { AppError } from '@nullspace/contract/errors.ts'
import type { FileRefused } from '../host/guest/guest-files.ts'

/** `field`: of the request, that named the path. */
export function fileFailure(error: FileRefused, field: string): AppError {
  const say = sentence(error.message)
  switch (error.refusal) {
    case 'not_found':
      return new AppError('file_not_found', { say, cause: error })
    case 'permission_denied':
      return new AppError('permission_denied', { say, cause: error })
    case 'reserved':
    case 'invalid':
      return new AppError('invalid_request', { say: `${field}: ${error.message}`, details: { field }, cause: error })
    case 'no_space':
      return new AppError('file_error', { say: 'The disk of the machine is full.', details: { reason: 'no_space' }, cause: error })
    default:
      return new AppError('file_error', { say, details: { reason: error.refusal }, cause: error })
  }
}

/** As the guest says it: it begins with a name more often than not. */
export const sentence = (words: string): string => (words.endsWith('.') ? words : `${words}.`)
