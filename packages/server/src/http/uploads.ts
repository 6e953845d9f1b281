// Uploads that survive a cut.

import type { App } from '../app/context.ts'
import { completeUpload } from '../app/uploads-complete.ts'
import { uploadPart } from '../app/uploads-parts.ts'
import { abortUpload, createUpload, getUpload } from '../app/uploads.ts'
import type { Handlers } from './implement.ts'

type UploadHandlers = Pick<
  Handlers,
  'createUploadSession' | 'getUploadSession' | 'uploadSessionPart' | 'completeUploadSession' | 'abortUploadSession'
>

export const uploadHandlers = (app: App): UploadHandlers => ({
  createUploadSession: async ({ principal, params, body, headers }) => ({
    session: await createUpload(app, principal, params.id, { input: body, idempotencyKey: headers['idempotency-key'] }),
  }),
  getUploadSession: ({ principal, params }) => getUpload(app, principal, params.id, params.upload_id),
  uploadSessionPart: ({ principal, params, body, headers, signal }) =>
    uploadPart(app, principal, params.id, params.upload_id, {
      number: params.part_number,
      sha256: headers['x-nullspace-part-sha256'],
      body,
      signal,
    }),
  completeUploadSession: ({ principal, params, body, headers }) =>
    completeUpload(app, principal, params.id, params.upload_id, {
      checksum: body.whole_checksum_sha256 ?? null,
      idempotencyKey: headers['idempotency-key'],
    }),
  abortUploadSession: ({ principal, params }) => abortUpload(app, principal, params.id, params.upload_id).then(() => undefined),
})
