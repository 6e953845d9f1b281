// Files of a machine.
//
// Paths: absolute, or relative to the machine's cwd (with `user`: to the home directory, unless a cwd was given at the
// create). `~` is the user's home. A byte of a name that is no UTF-8 is the lone surrogate U+DC00 + byte in JSON, and itself
// (%FF) in a query.

import { z } from 'zod'
import { GuestUser, MachineParams } from './machines.ts'
import { killProcess } from './processes.ts'
import { BYTES, FILE_PART, NO_BODY, route } from './route.ts'

export const FILE_LIMITS = {
  pathBytes: 4095,
  /** Of a JSON body that holds a file. */
  jsonBytes: 384 * 1024 * 1024,
  /** Of a file that is read into a JSON answer. */
  readBytes: 128 * 1024 * 1024,
  depth: 64,
  /** Paths of one search; a listing has no limit. */
  results: 200_000,
  /** Lines of one find. */
  matches: 10_000,
  batch: 1000,
  replaceFiles: 10_000,
} as const

export const FILE_ERRORS = [
  ...killProcess.errors.filter((code) => code !== 'process_not_found'),
  'file_not_found',
  'permission_denied',
  'file_error',
] as const

const Path = z
  .string()
  .min(1)
  .max(FILE_LIMITS.pathBytes)
  .refine((path) => !path.includes('\0'), 'must not contain NUL')
const Octal = z.string().regex(/^0?[0-7]{3,4}$/, 'must be octal, as 0644')
const user = GuestUser.nullish()
export const PathBody = z.strictObject({ path: Path, user })
const PathQuery = z.object({ path: Path, user: GuestUser.optional() })

/** Closed object. */
export const FileInfo = z.object({
  name: z.string(),
  /** Absolute. */
  path: z.string(),
  is_dir: z.boolean(),
  /** Bytes. */
  size: z.number().int(),
  type: z.enum(['file', 'dir', 'symlink', 'other']),
  /** Both alike: four octal digits. */
  mode: z.string(),
  permissions: z.string(),
  owner: z.string(),
  group: z.string(),
  modified_time: z.iso.datetime(),
  symlink_target: z.string().optional(),
})
export type FileInfo = z.output<typeof FileInfo>

/** As published clients send it. */
export const FileForm = z.object({ file: FILE_PART })

/** Files have no mark of their version, so none that is asked for fits. */
export const RangeHeaders = z.object({ range: z.string().optional(), 'if-range': z.string().optional() })

/** What all of them have. */
export const fileRoute = { access: 'key', params: MachineParams, errors: FILE_ERRORS } as const

export const downloadFile = route({
  ...fileRoute,
  id: 'downloadFile',
  method: 'GET',
  path: '/v1/machines/{id}/file',
  summary: 'The bytes of a file, with their length; of a part with Range. A directory comes as a tar with archive=tar (ours).',
  query: PathQuery.extend({ archive: z.literal('tar').optional() }),
  headers: RangeHeaders,
  errors: [...FILE_ERRORS, 'range_not_satisfiable'],
  success: { status: 200, body: BYTES },
})

export const uploadFileRaw = route({
  ...fileRoute,
  id: 'uploadFileRaw',
  method: 'PUT',
  path: '/v1/machines/{id}/file',
  summary: 'Write a file from the body, of any length and content type. It is there whole or not at all. Ours: append=true.',
  query: PathQuery.extend({ append: z.enum(['true', 'false']).optional() }),
  upload: 'bytes',
  success: { status: 204, body: NO_BODY },
})

export const uploadFileMultipart = route({
  ...fileRoute,
  id: 'uploadFileMultipart',
  method: 'POST',
  path: '/v1/machines/{id}/file',
  summary: 'Write a file from the part `file` of a form, or from a body of application/octet-stream.',
  query: PathQuery,
  upload: 'parts',
  form: FileForm,
  success: { status: 204, body: NO_BODY },
})

export const listDir = route({
  ...fileRoute,
  id: 'listDir',
  method: 'GET',
  path: '/v1/machines/{id}/files',
  summary: 'What is in a directory, by name; with depth, also below it. Answered as it is read, however much it is.',
  query: z.object({
    path: Path.default('/'),
    depth: z.coerce.number().int().min(1).max(FILE_LIMITS.depth).default(1),
    user: GuestUser.optional(),
  }),
  rows: true,
  success: { status: 200, body: z.array(FileInfo) },
})

export const readFile = route({
  ...fileRoute,
  id: 'readFile',
  method: 'POST',
  path: '/v1/machines/{id}/files/read',
  summary: 'A file as text or base64, up to 128 MiB; download longer ones. utf8: bytes that are none become U+FFFD.',
  body: PathBody.extend({ encoding: z.enum(['utf8', 'base64']).default('utf8') }),
  longText: 'content',
  success: { status: 200, body: z.object({ content: z.string(), encoding: z.string(), size: z.number().int() }) },
})

export const writeFile = route({
  ...fileRoute,
  id: 'writeFile',
  method: 'POST',
  path: '/v1/machines/{id}/files/write',
  summary: 'Write a file, with the directories above it. It is there whole or not at all. Ours: `append`, `mode`.',
  body: PathBody.extend({
    content: z.string(),
    encoding: z.enum(['utf8', 'base64']).default('utf8'),
    append: z.boolean().default(false),
    mode: Octal.nullish(),
  }),
  bodyLimit: FILE_LIMITS.jsonBytes,
  patient: { late: () => null },
  success: { status: 200, body: FileInfo },
})

export const BatchManifest = z.strictObject({
  files: z.array(z.strictObject({ path: Path, field: z.string().min(1).max(200) })).max(FILE_LIMITS.batch),
  user,
})

const BatchResult = z.discriminatedUnion('status', [
  z.object({ status: z.literal('success'), path: z.string(), info: FileInfo }),
  z.object({ status: z.literal('error'), path: z.string(), error: z.string() }),
])
export type BatchResult = z.output<typeof BatchResult>

export const batchWriteFiles = route({
  ...fileRoute,
  id: 'batchWriteFiles',
  method: 'POST',
  path: '/v1/machines/{id}/files/batch-write',
  summary: 'Write many files: a part `manifest` (JSON), then a part per file. Each is written or named with its error.',
  upload: 'parts',
  form: z.object({ manifest: z.string() }),
  patient: { late: () => null },
  success: { status: 200, body: z.object({ results: z.array(BatchResult) }) },
})

export const fileInfo = route({
  ...fileRoute,
  id: 'fileInfo',
  method: 'POST',
  path: '/v1/machines/{id}/files/info',
  summary: 'What a path is; of a symlink, the link itself.',
  body: PathBody,
  success: { status: 200, body: FileInfo },
})

export const fileExists = route({
  ...fileRoute,
  id: 'fileExists',
  method: 'POST',
  path: '/v1/machines/{id}/files/exists',
  summary: 'Whether there is something at a path.',
  body: PathBody,
  success: { status: 200, body: z.object({ exists: z.boolean() }) },
})

export const makeDir = route({
  ...fileRoute,
  id: 'makeDir',
  method: 'POST',
  path: '/v1/machines/{id}/files/mkdir',
  summary: 'Make a directory and those above it; one that is there is no error.',
  body: PathBody,
  success: { status: 204, body: NO_BODY },
})

export const removeFile = route({
  ...fileRoute,
  id: 'removeFile',
  method: 'POST',
  path: '/v1/machines/{id}/files/remove',
  summary: 'Remove a file, a symlink (not what it leads to), or a directory with all that is in it.',
  body: PathBody,
  success: { status: 204, body: NO_BODY },
})

export const renameFile = route({
  ...fileRoute,
  id: 'renameFile',
  method: 'POST',
  path: '/v1/machines/{id}/files/rename',
  summary: 'Move within a filesystem; a file at the new path is replaced.',
  body: z.strictObject({ old_path: Path, new_path: Path, user }),
  success: { status: 200, body: FileInfo },
})

export const setFilePermissions = route({
  ...fileRoute,
  id: 'setFilePermissions',
  method: 'POST',
  path: '/v1/machines/{id}/files/permissions',
  summary: 'Set permissions, as chmod does with a number.',
  body: PathBody.extend({ permissions: Octal }),
  success: { status: 204, body: NO_BODY },
})

/** Closed object. */
export const SearchMatch = z.object({ file: z.string(), line: z.number().int(), content: z.string() })

export const findInFiles = route({
  ...fileRoute,
  id: 'findInFiles',
  method: 'POST',
  path: '/v1/machines/{id}/files/find',
  summary: 'Lines that fit a regular expression (RE2; plain text when it is none), at most 10,000. Binary files are left out.',
  body: PathBody.extend({ pattern: z.string().min(1).max(4096) }),
  rows: true,
  success: { status: 200, body: z.array(SearchMatch) },
})

export const searchFiles = route({
  ...fileRoute,
  id: 'searchFiles',
  method: 'POST',
  path: '/v1/machines/{id}/files/search',
  summary: 'Paths below a directory whose name fits a glob; with a slash in it (**/ too), whose path from there does.',
  body: PathBody.extend({ pattern: z.string().min(1).max(4096) }),
  rows: true,
  success: { status: 200, body: z.array(z.string()) },
})

export const replaceInFiles = route({
  ...fileRoute,
  id: 'replaceInFiles',
  method: 'POST',
  path: '/v1/machines/{id}/files/replace',
  summary: 'Replace plain text everywhere in files. Ours: `dry_run` only counts.',
  body: z.strictObject({
    files: z.array(Path).max(FILE_LIMITS.replaceFiles),
    pattern: z.string().min(1).max(65_536),
    replacement: z.string().max(65_536),
    dry_run: z.boolean().default(false),
    user,
  }),
  patient: { late: () => null },
  success: {
    status: 200,
    body: z.object({
      replacements: z.number().int(),
      files_modified: z.number().int(),
      files_skipped: z.number().int(),
      binary_files_skipped: z.number().int(),
    }),
  },
})

/** What a client sends to watch files: one watch per connection. */
export const WatchFrame = z.object({
  type: z.literal('file_watch'),
  id: z.string().min(1).max(200),
  path: Path,
  user,
  recursive: z.boolean().nullish(),
  timeout_secs: z
    .number()
    .positive()
    .max(24 * 3600)
    .nullish(),
})
export type WatchFrame = z.output<typeof WatchFrame>
