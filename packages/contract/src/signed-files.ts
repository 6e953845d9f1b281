// Addresses that stand for one file of a machine: whoever has one needs no key.

import { z } from 'zod'
import { FILE_ERRORS, FileForm, fileRoute, PathBody, RangeHeaders } from './files.ts'
import { BYTES, NO_BODY, route } from './route.ts'

export const downloadUrl = route({
  ...fileRoute,
  id: 'downloadUrl',
  method: 'POST',
  path: '/v1/machines/{id}/files/download-url',
  summary: 'An address that gives one file to whoever has it, for ten minutes, without a key.',
  body: PathBody,
  success: { status: 200, body: z.object({ url: z.string() }) },
})

export const uploadUrl = route({
  ...fileRoute,
  id: 'uploadUrl',
  method: 'POST',
  path: '/v1/machines/{id}/files/upload-url',
  summary: 'An address that takes one file (PUT of its bytes, or a form with the field `file`), for ten minutes, without a key.',
  body: PathBody,
  success: { status: 200, body: z.object({ url: z.string(), token: z.string() }) },
})

const TokenQuery = z.object({ token: z.string().min(1).max(8192) })
const signed = { access: 'none', query: TokenQuery, errors: FILE_ERRORS, ours: true } as const

export const signedDownload = route({
  ...signed,
  id: 'signedDownload',
  method: 'GET',
  path: '/v1/files/signed',
  summary: 'The file that a download address was made for.',
  headers: RangeHeaders,
  errors: [...FILE_ERRORS, 'range_not_satisfiable'],
  success: { status: 200, body: BYTES },
})

export const signedUpload = route({
  ...signed,
  id: 'signedUpload',
  method: 'PUT',
  path: '/v1/files/signed',
  summary: 'Write the file that an upload address was made for.',
  upload: 'bytes',
  success: { status: 204, body: NO_BODY },
})

export const signedUploadForm = route({
  ...signed,
  id: 'signedUploadForm',
  method: 'POST',
  path: '/v1/files/signed',
  summary: 'The same from a form with the field `file`.',
  upload: 'parts',
  form: FileForm,
  success: { status: 204, body: NO_BODY },
})
