import { ERRORS } from '@nullspace/contract/errors.ts'
import { describe, expect, test } from 'vitest'
import { errorFromRefusal, makeError, seconds } from './error-map.ts'
import { MachineError, RateLimitError } from './errors.ts'

const OTHERS = {
  QUOTA_EXCEEDED: 'QuotaExceededError',
  volume_quota_exceeded: 'QuotaExceededError',
  unauthenticated: 'AuthError',
  missing_api_key: 'AuthError',
  edge_token_expired: 'AuthError',
  preview_grant_revoked: 'AuthError',
  preview_grant_disabled: 'MachineError',
  volume_permission_denied: 'PermissionError',
  snapshot_in_use: 'ConflictError',
  transition_conflict: 'ConflictError',
  snapshot_not_found: 'NotFoundError',
  file_upload_error: 'FileUploadError',
  build_error: 'BuildError',
  rate_limit_exceeded: 'RateLimitError',
  unheard_of: 'MachineError',
}

describe('code to class', () => {
  test('our own codes', () => {
    expect(Object.fromEntries(Object.keys(ERRORS).map((code) => [code, makeError(code, '').name]))).toMatchInlineSnapshot(`
      {
        "capacity_exceeded": "QuotaExceededError",
        "delivery_not_found": "NotFoundError",
        "draining": "MachineError",
        "exec_failed": "MachineError",
        "exec_timeout": "MachineError",
        "file_error": "MachineError",
        "file_not_found": "NotFoundError",
        "file_upload_error": "FileUploadError",
        "forbidden": "PermissionError",
        "git_error": "GitError",
        "idempotency_conflict": "ConflictError",
        "incompatible_snapshot": "ConflictError",
        "insufficient_storage": "MachineError",
        "internal_error": "MachineError",
        "invalid_fields": "MachineError",
        "invalid_request": "MachineError",
        "key_not_found": "NotFoundError",
        "machine_failed": "MachineError",
        "machine_not_found": "NotFoundError",
        "machine_not_ready": "ConflictError",
        "method_not_allowed": "MachineError",
        "no_eligible_runtime_host": "MachineError",
        "not_found": "NotFoundError",
        "not_implemented": "NotImplementedError",
        "owner_not_found": "NotFoundError",
        "payload_too_large": "MachineError",
        "permission_denied": "PermissionError",
        "process_not_found": "NotFoundError",
        "quota_exceeded": "QuotaExceededError",
        "range_not_satisfiable": "MachineError",
        "rebuild_required": "ConflictError",
        "session_not_found": "NotFoundError",
        "snapshot_in_use": "ConflictError",
        "snapshot_not_found": "NotFoundError",
        "template_not_found": "NotFoundError",
        "template_not_ready": "MachineError",
        "transition_in_progress": "MachineError",
        "unauthorized": "AuthError",
        "unsupported_media_type": "MachineError",
        "upload_not_found": "NotFoundError",
        "webhook_not_found": "NotFoundError",
      }
    `)
  })

  test.each(Object.entries(OTHERS))('%s is %s', (code, name) => {
    const error = makeError(code, 'text')
    expect([error.name, error.code, error instanceof MachineError]).toEqual([name, code.toLowerCase(), true])
  })
})

const refusal = (status: number, body: unknown) =>
  errorFromRefusal({ status, text: typeof body === 'string' ? body : JSON.stringify(body), requestId: 'req_header', retryAfter: null })

describe('envelopes', () => {
  const full = {
    code: 'Machine_Not_Found',
    request_id: 'req_body',
    retryable: false,
    suggested_action: 'Look again.',
    details: { id: 'mch_1' },
  }
  test.each([
    ['flat', { error: 'gone', ...full }],
    ['nested', { error: { message: 'gone', ...full } }],
  ])('%s', (_, body) => {
    const { name, message, code, requestId, retryable, suggestedAction, details } = refusal(404, body)
    expect({ name, message, code, requestId, retryable, suggestedAction, details }).toEqual({
      name: 'NotFoundError',
      message: 'gone',
      code: 'machine_not_found',
      requestId: 'req_body',
      retryable: false,
      suggestedAction: 'Look again.',
      details: { id: 'mch_1' },
    })
  })

  test.each([
    ['HTML', 502, '<h1>Bad gateway</h1>', 'unknown', '<h1>Bad gateway</h1>'],
    ['nothing', 404, '', 'unknown', 'status 404 without a body'],
    ['an array', 500, [1], 'unknown', '[1]'],
    ['a numeric code', 401, { error: 'no', code: 401 }, 'unknown', 'no'],
    ['a status that contradicts the code', 500, { error: 'no', code: 'unauthorized' }, 'unauthorized', 'no'],
  ])('%s', (_, status, body, code, message) => {
    const error = refusal(status, body)
    expect([error.code, error.message, error.requestId]).toEqual([code, message, 'req_header'])
  })

  test('429 without a code is a rate limit, with a code it is that code', () => {
    expect(refusal(429, '')).toBeInstanceOf(RateLimitError)
    expect(refusal(429, { error: 'full', code: 'quota_exceeded' }).name).toBe('QuotaExceededError')
  })
})

test('what an upload and git failed with', () => {
  const detail = { reason: 'target_conflict', message: 'x', retryable: false, upload_id: 'upl_1', path: '/a', part_number: 3 }
  expect(refusal(409, { error: 'no', code: 'file_upload_error', error_detail: detail })).toMatchObject({
    reason: 'target_conflict',
    uploadId: 'upl_1',
    path: '/a',
    partNumber: 3,
  })
  expect(refusal(409, { error: 'no', code: 'file_upload_error' })).toMatchObject({ reason: undefined, uploadId: undefined })
  expect(refusal(409, { error: 'no', code: 'git_error', details: { exit_code: 1, output: 'fatal' } })).toMatchObject({
    name: 'GitError',
    exitCode: 1,
    output: 'fatal',
  })
})

test.each([
  ['2.5', 2.5],
  ['0', 0],
  [null, 1],
  ['', 1],
  ['Wed, 21 Oct 2026 07:28:00 GMT', 1],
  ['-4', 1],
])('Retry-After %s is %d s', (header, wanted) => {
  expect(seconds(header)).toBe(wanted)
})
