// From whatever was thrown to the envelope that every refusal has.

import { AppError, errorBody, type ErrorBody } from '@nullspace/contract/errors.ts'
import { isNoSpace } from '../app/failures.ts'
import type { FastifyError } from 'fastify'
import type { z } from 'zod'

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code, statusCode, message } = error as FastifyError
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('payload_too_large', { say: 'The body is too large.', cause: error })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('unsupported_media_type', { say: 'The body must be JSON with the content type application/json.', cause: error })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new AppError('invalid_request', { say: 'The body is not as long as Content-Length says.', cause: error })
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('invalid_request', { say: message, cause: error })
  if (isNoSpace(error))
    return new AppError('insufficient_storage', { say: 'The host has no disk space left for the daemon’s own records.', cause: error })
  return new AppError('internal_error', { say: 'The request failed inside the daemon.', cause: error })
}

/** Names every field that is wrong, at most five. */
export function invalidInput(where: 'body' | 'query' | 'headers' | 'params', error: z.ZodError): AppError {
  const issues = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: [...issue.path, key].join('.'), message: `unknown field` }))
      : [{ field: issue.path.join('.'), message: issue.message.replace(/^Invalid input: /, '') }],
  )
  const shown = issues.slice(0, 5).map(({ field, message }) => `${(field || where).slice(0, 100)}: ${message}`)
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : ''
  return new AppError('invalid_request', {
    say: `${shown.join('; ')}${more}.`,
    details: { in: where, field: issues[0]?.field ?? '', issues: issues.slice(0, 20) },
  })
}

export function envelope(error: AppError, requestId: string): ErrorBody {
  return errorBody(error, requestId)
}
