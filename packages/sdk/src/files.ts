// Files of a machine.

import {
  fileExists,
  fileInfo,
  FileInfo as WireFileInfo,
  findInFiles,
  listDir,
  makeDir,
  readFile,
  removeFile,
  renameFile,
  replaceInFiles,
  searchFiles,
  setFilePermissions,
  uploadFileRaw,
  writeFile,
} from '@nullspace/contract/files.ts'
import { downloadUrl, uploadUrl } from '@nullspace/contract/signed-files.ts'
import type { RouteResult } from '@nullspace/contract/route.ts'
import { abortUploadSession } from '@nullspace/contract/uploads.ts'
import type { CallOptions, Client, Nature } from './client.ts'
import { bytesIn, piecesOf, type FileContent } from './content.ts'
import { MachineError } from './errors.ts'
import { writeMany, type FileInfo, type FileToWrite } from './file-batch.ts'
import { readStream, type FileRange } from './file-stream.ts'
import type { DownloadOptions, DownloadResult, ResumeUploadOptions, UploadOptions, UploadResult, UploadSource } from './file-transfer.ts'
import { watchFiles, type FileWatch, type WatchOptions } from './file-watch.ts'
import { fromWire, type Camel } from './naming.ts'

export interface FileOptions extends Omit<CallOptions, 'idempotencyKey'> {
  /**
   * Name or number of a user of the machine, whose rights are used and who owns what is made; default root. Relative paths then
   * begin at that user's home, unless the machine was created with a `cwd`.
   */
  readonly user?: string | undefined
}

export interface WriteOptions extends FileOptions {
  /** Write at the end of what is there. Default false. */
  readonly append?: boolean | undefined
  /** Permissions in octal digits, as `0644`; not with a stream. */
  readonly mode?: string | undefined
}

export interface SearchMatch {
  /** Absolute. */
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly content: string
}

export type ReplaceResult = Camel<RouteResult<typeof replaceInFiles>>

/** Takes the file without a key: a PUT of its bytes, or a form with the field `file`. */
export type UploadUrl = RouteResult<typeof uploadUrl>

/** Longer contents are sent as they are, and not within JSON. */
const JSON_BYTES = 4 * 1024 * 1024
/** They may walk through many files, ms. */
const CHANGE: Nature = { safety: 'once', timeoutMs: 300_000 }
const READ: Nature = { safety: 'read', timeoutMs: 300_000 }

/**
 * Paths are absolute, or relative to the machine's working directory; `~` is the user's home. A byte of a name that is no UTF-8 is
 * the lone surrogate U+DC00 + byte, so that every name that is listed can be used.
 * Every call rejects with NotFoundError when there is nothing at the path (`file_not_found`) or no such machine, PermissionError when
 * the user may not, MachineError for what else the machine refuses (`file_error`, `details.reason`).
 */
export class Files {
  readonly #client: Client
  readonly #machineId: string

  constructor(client: Client, machineId: string) {
    this.#client = client
    this.#machineId = machineId
  }

  /** A file as text, up to 128 MiB; bytes that are no UTF-8 become U+FFFD. */
  async read(path: string, { user, ...options }: FileOptions = {}): Promise<string> {
    const body = { ...about(path, user), encoding: 'utf8' as const }
    return (await this.#client.call(readFile, { ...this.#machine(), body }, options, READ)).content
  }

  /** A file of any length, in memory. */
  async readBytes(path: string, options: FileOptions & { readonly range?: FileRange | undefined } = {}): Promise<Uint8Array> {
    return new Uint8Array(await new Response(this.readStream(path, options)).arrayBuffer())
  }

  /** The same as it comes. Nothing is sent before it is read, and failures come from reading it; one that is left is to be cancelled, as loops do. */
  readStream(path: string, options: FileOptions & { readonly range?: FileRange | undefined } = {}): ReadableStream<Uint8Array> {
    return readStream(this.#client, this.#machineId, path, options)
  }

  /**
   * Writes a file, and the directories above it; what is there is replaced. It is there whole or not at all. A stream is sent as it
   * comes, and what that fails with is rejected with.
   */
  async write(path: string, content: FileContent, { user, append, mode, ...options }: WriteOptions = {}): Promise<FileInfo> {
    const whole = bytesIn(content)
    if (mode !== undefined && !whole) {
      throw new MachineError('mode goes with text or bytes only', {
        code: 'invalid_request',
        retryable: false,
        suggestedAction: 'Use setPermissions after it.',
      })
    }
    const safety = append ? 'once' : 'read'
    if (whole && (whole.length <= JSON_BYTES || mode !== undefined)) {
      const text = typeof content === 'string' ? { content } : { content: base64(whole), encoding: 'base64' as const }
      const body = { ...about(path, user), ...text, ...(append ? { append } : {}), ...(mode === undefined ? {} : { mode }) }
      const nature = { ...READ, safety } as const
      return fromWire(WireFileInfo, await this.#client.call(writeFile, { ...this.#machine(), body }, options, nature))
    }
    const input = { ...this.#machine(), query: { ...about(path, user), ...(append ? { append: 'true' as const } : {}) } }
    await this.#client.send(uploadFileRaw, input, { body: () => piecesOf(whole ?? content) }, options, { safety: whole ? safety : 'never' })
    return this.info(path, { user, ...options })
  }

  /** Writes up to 1000 files in one request. @throws BatchWriteError with what was written and what was not */
  writeMany(files: readonly FileToWrite[], options: FileOptions = {}): Promise<FileInfo[]> {
    return writeMany(this.#client, this.#machineId, files, options)
  }

  /** What is in a directory, by name; with `depth` also below it, so many levels (up to 64). */
  async list(path: string, { user, depth, ...options }: FileOptions & { readonly depth?: number | undefined } = {}): Promise<FileInfo[]> {
    const query = { ...about(path, user), ...(depth === undefined ? {} : { depth }) }
    const all = await this.#client.call(listDir, { ...this.#machine(), query }, options, READ)
    return all.map((one) => fromWire(WireFileInfo, one))
  }

  /** Whether there is something at a path. */
  async exists(path: string, { user, ...options }: FileOptions = {}): Promise<boolean> {
    return (await this.#client.call(fileExists, { ...this.#machine(), body: about(path, user) }, options, READ)).exists
  }

  /** What is at a path; of a symlink, the link itself. */
  async info(path: string, { user, ...options }: FileOptions = {}): Promise<FileInfo> {
    return fromWire(WireFileInfo, await this.#client.call(fileInfo, { ...this.#machine(), body: about(path, user) }, options, READ))
  }

  /** Makes a directory and those above it; one that is there is no error. */
  async makeDir(path: string, { user, ...options }: FileOptions = {}): Promise<void> {
    await this.#client.call(makeDir, { ...this.#machine(), body: about(path, user) }, options, READ)
  }

  /** Removes a file, a symlink (not what it leads to), or a directory with all that is in it. */
  async remove(path: string, { user, ...options }: FileOptions = {}): Promise<void> {
    await this.#client.call(removeFile, { ...this.#machine(), body: about(path, user) }, options, CHANGE)
  }

  /** Moves within a filesystem; a file at the new path is replaced. Answers what is there now. */
  async rename(oldPath: string, newPath: string, { user, ...options }: FileOptions = {}): Promise<FileInfo> {
    const body = { old_path: oldPath, new_path: newPath, ...(user === undefined ? {} : { user }) }
    return fromWire(WireFileInfo, await this.#client.call(renameFile, { ...this.#machine(), body }, options, CHANGE))
  }

  /** In octal digits, as `0755`. */
  async setPermissions(path: string, permissions: string, { user, ...options }: FileOptions = {}): Promise<void> {
    await this.#client.call(setFilePermissions, { ...this.#machine(), body: { ...about(path, user), permissions } }, options, READ)
  }

  /** Lines below a path that fit a regular expression (RE2; plain text when it is none), at most 10,000. Binary files are left out. */
  find(path: string, pattern: string, { user, ...options }: FileOptions = {}): Promise<SearchMatch[]> {
    return this.#client.call(findInFiles, { ...this.#machine(), body: { ...about(path, user), pattern } }, options, READ)
  }

  /** Paths below a directory whose name fits a glob; with a slash in it, whose path from there does. */
  search(path: string, pattern: string, { user, ...options }: FileOptions = {}): Promise<string[]> {
    return this.#client.call(searchFiles, { ...this.#machine(), body: { ...about(path, user), pattern } }, options, READ)
  }

  /** Replaces plain text everywhere in files; with `dryRun` only counts. */
  async replace(
    paths: readonly string[],
    pattern: string,
    replacement: string,
    { user, dryRun, ...options }: FileOptions & { readonly dryRun?: boolean | undefined } = {},
  ): Promise<ReplaceResult> {
    const more = { ...(dryRun ? { dry_run: true } : {}), ...(user === undefined ? {} : { user }) }
    const body = { files: [...paths], pattern, replacement, ...more }
    const done = await this.#client.call(replaceInFiles, { ...this.#machine(), body }, options, dryRun ? READ : CHANGE)
    return fromWire(replaceInFiles.success.body, done)
  }

  /** Changes in a directory, or of a file; resolves when none can be missed any more. @throws TimeoutError when the daemon does not begin */
  watch(path: string, options: WatchOptions = {}): Promise<FileWatch> {
    return watchFiles(this.#client, this.#machineId, path, options)
  }

  /** An address that gives the file to whoever has it, for ten minutes, without a key. */
  async downloadUrl(path: string, { user, ...options }: FileOptions = {}): Promise<string> {
    return (await this.#client.call(downloadUrl, { ...this.#machine(), body: about(path, user) }, options, READ)).url
  }

  /** An address that takes the file, for ten minutes, without a key. */
  uploadUrl(path: string, { user, ...options }: FileOptions = {}): Promise<UploadUrl> {
    return this.#client.call(uploadUrl, { ...this.#machine(), body: about(path, user) }, options, READ)
  }

  /**
   * Uploads a local file or directory, or a stream; it is there whole or not at all. Up to 8 MiB a file goes in one request, else in
   * parts: one whose connection is lost is sent again, and what fails can be taken up with `resumeUpload`. A directory goes as
   * files, directories and symlinks that stay inside, with their permissions.
   * `destination`: path in the machine; one that ends with a slash is the directory to put it in, under its own name.
   * @throws FileUploadError; MachineError `invalid_request` when there is nothing at the local path, or a directory holds
   * something else or a symlink that leads out, `local_file_error` when it cannot be read
   */
  async upload(source: UploadSource, destination: string, options: UploadOptions = {}): Promise<UploadResult> {
    const { upload } = await import('./local/upload.ts')
    return upload(this.#client, this.#machineId, source, destination, options)
  }

  /**
   * Sends what is missing of an upload in parts; of one that is complete, says so. `source`: what it was begun with, unchanged.
   * @throws NotFoundError `upload_not_found`; FileUploadError, as when the source is another (`whole_checksum_mismatch`)
   */
  async resumeUpload(uploadId: string, source: UploadSource, options: ResumeUploadOptions = {}): Promise<UploadResult> {
    const { resumeUpload } = await import('./local/upload.ts')
    return resumeUpload(this.#client, this.#machineId, uploadId, source, options)
  }

  /** Gives an upload up: what came of it is gone. @throws NotFoundError `upload_not_found`, FileUploadError when it is completed */
  async abortUpload(uploadId: string, options: Omit<CallOptions, 'idempotencyKey'> = {}): Promise<void> {
    await this.#client.call(abortUploadSession, { params: { id: this.#machineId, upload_id: uploadId } }, options, { safety: 'read' })
  }

  /**
   * Downloads a file or a directory; it is there whole or not at all. `local`: its path here; of a file also a directory that
   * exists, to put it in under its own name. The machine is not trusted: nothing is written outside of that path.
   * @throws MachineError `invalid_request` when there is something at the local path, `invalid_response` when the archive of a
   * directory is not as it should be, `local_file_error` when it cannot be written; TransportError when it was cut
   */
  async download(path: string, local: string | URL, options: DownloadOptions = {}): Promise<DownloadResult> {
    const { download } = await import('./local/download.ts')
    return download(this.#client, this.#machineId, path, local, options)
  }

  #machine(): { readonly params: { readonly id: string } } {
    return { params: { id: this.#machineId } }
  }
}

const about = (path: string, user: string | undefined) => ({ path, ...(user === undefined ? {} : { user }) })

const CHUNK = 0x6000

function base64(bytes: Uint8Array): string {
  let text = ''
  // In multiples of three bytes, so that the pieces are whole.
  for (let at = 0; at < bytes.length; at += CHUNK) text += btoa(String.fromCharCode(...bytes.subarray(at, at + CHUNK)))
  return text
}
