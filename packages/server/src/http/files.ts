// Files of a machine.

import type { App } from '../app/context.ts'
import { batchWrite } from '../app/files-batch.ts'
import { download } from '../app/files-download.ts'
import { openSigned, signFile } from '../app/files-signed.ts'
import { upload, uploadPart } from '../app/files-upload.ts'
import {
  fileExists,
  fileInfo,
  findInFiles,
  listDir,
  makeDir,
  readFile,
  removeFile,
  renameFile,
  replaceInFiles,
  searchFiles,
  setPermissions,
  writeFile,
} from '../app/files.ts'
import type { Handlers } from './implement.ts'

type FileHandlers = Pick<
  Handlers,
  | 'downloadFile'
  | 'uploadFileRaw'
  | 'uploadFileMultipart'
  | 'listDir'
  | 'readFile'
  | 'writeFile'
  | 'batchWriteFiles'
  | 'fileInfo'
  | 'fileExists'
  | 'makeDir'
  | 'removeFile'
  | 'renameFile'
  | 'setFilePermissions'
  | 'findInFiles'
  | 'searchFiles'
  | 'replaceInFiles'
  | 'downloadUrl'
  | 'uploadUrl'
  | 'signedDownload'
  | 'signedUpload'
  | 'signedUploadForm'
>

export const fileHandlers = (app: App): FileHandlers => ({
  downloadFile: ({ principal, params, query: { user, ...what }, headers, signal }) =>
    download(app, principal, { machineId: params.id, user }, { ...what, range: rangeOf(headers), signal }),
  async uploadFileRaw({ principal, params, query: { path, user, append }, body, signal }) {
    const options = { append: append === 'true' }
    await upload(app, principal, { machineId: params.id, user }, { path, bytes: body.bytes, options, signal })
  },
  async uploadFileMultipart({ principal, params, query: { path, user }, body, signal }) {
    await uploadPart(app, principal, { machineId: params.id, user }, { path, ...body, signal })
  },
  listDir: async ({ principal, params, query: { user, ...what }, signal }) =>
    listDir(app, principal, { machineId: params.id, user }, { ...what, signal }),
  readFile: ({ principal, params, body: { user, ...what }, hold, signal }) =>
    readFile(app, principal, { machineId: params.id, user }, { ...what, hold, signal }),
  writeFile: ({ principal, params, body: { user, mode, ...what }, signal }) =>
    writeFile(app, principal, { machineId: params.id, user }, { ...what, mode: mode ?? null, signal }),
  batchWriteFiles: async ({ principal, params, body, signal }) => ({
    results: await batchWrite(app, principal, params.id, { ...body, signal }),
  }),
  fileInfo: ({ principal, params, body: { path, user } }) => fileInfo(app, principal, { machineId: params.id, user }, path),
  fileExists: async ({ principal, params, body: { path, user } }) => ({
    exists: await fileExists(app, principal, { machineId: params.id, user }, path),
  }),
  async makeDir({ principal, params, body: { path, user } }) {
    await makeDir(app, principal, { machineId: params.id, user }, path)
  },
  async removeFile({ principal, params, body: { path, user } }) {
    await removeFile(app, principal, { machineId: params.id, user }, path)
  },
  renameFile: ({ principal, params, body: { old_path, new_path, user } }) =>
    renameFile(app, principal, { machineId: params.id, user }, old_path, new_path),
  async setFilePermissions({ principal, params, body: { path, permissions, user } }) {
    await setPermissions(app, principal, { machineId: params.id, user }, path, permissions)
  },
  findInFiles: async ({ principal, params, body: { user, ...what }, signal }) =>
    findInFiles(app, principal, { machineId: params.id, user }, { ...what, signal }),
  searchFiles: async ({ principal, params, body: { user, ...what }, signal }) =>
    searchFiles(app, principal, { machineId: params.id, user }, { ...what, signal }),
  replaceInFiles: ({ principal, params, body: { files, pattern, replacement, dry_run, user } }) =>
    replaceInFiles(app, principal, { machineId: params.id, user }, files, { pattern, replacement, dryRun: dry_run }),
  async downloadUrl({ principal, params, body: { path, user }, origin }) {
    return { url: urlOf(origin, await signFile(app, principal, { machineId: params.id, user }, 'download', path)) }
  },
  async uploadUrl({ principal, params, body: { path, user }, origin }) {
    const token = await signFile(app, principal, { machineId: params.id, user }, 'upload', path)
    return { url: urlOf(origin, token), token }
  },
  async signedDownload({ query, headers, signal }) {
    const { principal, place, path } = await openSigned(app, query.token, 'download')
    return download(app, principal, place, { path, range: rangeOf(headers), signal })
  },
  async signedUpload({ query, body, signal }) {
    const { principal, place, path } = await openSigned(app, query.token, 'upload')
    await upload(app, principal, place, { path, bytes: body.bytes, signal })
  },
  async signedUploadForm({ query, body, signal }) {
    const { principal, place, path } = await openSigned(app, query.token, 'upload')
    await uploadPart(app, principal, place, { path, ...body, signal })
  },
})

/** On a condition that cannot hold, it is the whole. */
const rangeOf = (headers: { range?: string | undefined; 'if-range'?: string | undefined }): string | undefined =>
  headers['if-range'] === undefined ? headers.range : undefined

const urlOf = (origin: string, token: string): string => `${origin}/v1/files/signed?token=${token}`
