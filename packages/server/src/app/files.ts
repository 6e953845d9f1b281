// Files of a machine: look at them, change them, search them. Contents that come or go as bytes: files-upload.ts, files-download.ts.

import { StringDecoder } from 'node:string_decoder'
import { AppError } from '@nullspace/contract/errors.ts'
import { FILE_LIMITS, type FileInfo, type SearchMatch } from '@nullspace/contract/files.ts'
import type { z } from 'zod'
import type { GuestFiles } from '../host/guest/guest-files.ts'
import type { Principal } from '../domain/principal.ts'
import type { Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { beginTransfer } from './files-transfer.ts'
import { upload } from './files-upload.ts'
import { askFiles, type Place, useFiles } from './files-use.ts'
import { infoOf } from './files-view.ts'
import type { Hold } from './held-memory.ts'

type Match = z.output<typeof SearchMatch>

/** For work on many files; where results come one by one, from one to the next. */
const MANY_MS = 300_000
const PIECE_BYTES = 1024 * 1024

export const fileInfo = (app: App, principal: Principal, place: Place, path: string): Promise<FileInfo> =>
  askFiles(app, principal, { ...place, paths: { path } }, async (files, op) => infoOf(await files.stat(op, path, { follow: false })))

export async function fileExists(app: App, principal: Principal, place: Place, path: string): Promise<boolean> {
  try {
    await fileInfo(app, principal, place, path)
    return true
  } catch (error) {
    // A file that another path leads through is no directory.
    const missing = error instanceof AppError && (error.code === 'file_not_found' || error.details?.['reason'] === 'not_directory')
    if (missing) return false
    throw error
  }
}

export const makeDir = (app: App, principal: Principal, place: Place, path: string): Promise<FileInfo> =>
  askFiles(app, principal, { ...place, paths: { path } }, async (files, op) => infoOf(await files.makeDir(op, path)))

/** What is in a large directory takes its time. */
export const removeFile = (app: App, principal: Principal, place: Place, path: string): Promise<void> =>
  askFiles(app, principal, { ...place, paths: { path }, timeoutMs: MANY_MS }, (files, op) => files.remove(op, path))

export function renameFile(app: App, principal: Principal, place: Place, from: string, to: string): Promise<FileInfo> {
  const paths = { old_path: from, new_path: to }
  return askFiles(app, principal, { ...place, paths }, async (files, op) => infoOf(await files.rename(op, from, to)))
}

export function setPermissions(app: App, principal: Principal, place: Place, path: string, mode: string): Promise<void> {
  return askFiles(app, principal, { ...place, paths: { path } }, (files, op) => files.chmod(op, path, Number.parseInt(mode, 8)))
}

export interface Text {
  readonly content: string
  readonly encoding: 'utf8' | 'base64'
}

/** What a piece takes of memory besides its bytes: a guest may send one for each. */
const PIECE_COSTS = 256

/** All of a file, in memory as bytes; its text is made piece by piece. */
export async function readFile(
  app: App,
  principal: Principal,
  place: Place,
  { path, encoding, hold, signal }: { path: string; encoding: Text['encoding']; hold: Hold; signal: AbortSignal },
): Promise<{ readonly content: Iterable<string>; readonly encoding: Text['encoding']; readonly size: number }> {
  using use = await useFiles(app, principal, place, { path })
  using transfer = beginTransfer(`read from ${place.machineId}`, signal)
  try {
    // One byte more than may be: what the kernel makes up says no size.
    const { entry, bytes } = await transfer.owed(use.files.read(transfer.op, path, { offset: 0, length: FILE_LIMITS.readBytes + 1 }))
    const pieces = transfer.fromGuest(bytes)
    const chunks: Uint8Array[] = []
    let size = 0
    try {
      if (entry.size > FILE_LIMITS.readBytes) throw tooLarge(path)
      hold.grow(Number(entry.size))
      for await (const piece of pieces) {
        chunks.push(piece)
        size += piece.length
        if (size > FILE_LIMITS.readBytes) throw tooLarge(path)
        hold.grow(size + chunks.length * PIECE_COSTS)
      }
    } finally {
      // Begun or not: the guest is told that nobody reads on.
      await bytes[Symbol.asyncIterator]().return?.()
    }
    return { content: textOf(chunks, encoding), encoding, size }
  } catch (error) {
    throw await use.failure(error)
  }
}

export async function writeFile(
  app: App,
  principal: Principal,
  place: Place,
  { path, content, encoding, append, mode, signal }: Text & { path: string; append: boolean; mode: string | null; signal: AbortSignal },
): Promise<FileInfo> {
  const bytes = encoding === 'utf8' ? Buffer.from(content, 'utf8') : fromBase64(content)
  const options = { append, ...(mode === null ? {} : { mode: Number.parseInt(mode, 8) }) }
  return upload(app, principal, place, { path, bytes: inPieces(bytes), options, signal })
}

export interface Search {
  readonly path: string
  readonly pattern: string
  readonly signal: AbortSignal
}

/** Results in batches, as the guest finds them. */
export const listDir = (
  app: App,
  principal: Principal,
  place: Place,
  { depth, ...where }: { readonly path: string; readonly depth: number; readonly signal: AbortSignal },
): AsyncIterable<FileInfo[]> => rows(app, principal, { ...place, ...where }, (files, op) => files.list(op, where.path, depth), infoOf)

export const findInFiles = (app: App, principal: Principal, place: Place, { pattern, ...where }: Search): AsyncIterable<Match[]> =>
  rows(
    app,
    principal,
    { ...place, ...where },
    (files, op) => files.find(op, where.path, pattern, FILE_LIMITS.matches),
    ({ path, line, content }) => ({ file: path, line, content }),
  )

export const searchFiles = (app: App, principal: Principal, place: Place, { pattern, ...where }: Search): AsyncIterable<string[]> =>
  rows(
    app,
    principal,
    { ...place, ...where },
    (files, op) => files.search(op, where.path, pattern, FILE_LIMITS.results),
    (path) => path,
  )

export interface Replaced {
  readonly replacements: number
  readonly files_modified: number
  readonly files_skipped: number
  readonly binary_files_skipped: number
}

export async function replaceInFiles(
  app: App,
  principal: Principal,
  place: Place,
  paths: readonly string[],
  change: { readonly pattern: string; readonly replacement: string; readonly dryRun: boolean },
): Promise<Replaced> {
  const named = Object.fromEntries(paths.map((path, at) => [`files.${at}`, path]))
  const done = await askFiles(app, principal, { ...place, paths: named, timeoutMs: MANY_MS }, (files, op) =>
    files.replace(op, paths, change),
  )
  return {
    replacements: done.reduce((sum, { replacements }) => sum + replacements, 0),
    files_modified: done.filter(({ replacements }) => replacements > 0).length,
    files_skipped: done.filter(({ skipped }) => skipped !== 'none' && skipped !== 'binary').length,
    binary_files_skipped: done.filter(({ skipped }) => skipped === 'binary').length,
  }
}

async function* rows<T, Row>(
  app: App,
  principal: Principal,
  { path, signal, ...place }: Place & { readonly path: string; readonly signal: AbortSignal },
  ask: (files: GuestFiles, op: Op) => AsyncIterable<readonly T[]>,
  rowOf: (one: T) => Row,
): AsyncGenerator<Row[]> {
  using use = await useFiles(app, principal, place, { path })
  using transfer = beginTransfer(`files of ${place.machineId}`, signal, MANY_MS)
  try {
    for await (const some of transfer.fromGuest(ask(use.files, transfer.op))) yield some.map(rowOf)
  } catch (error) {
    throw await use.failure(error)
  }
}

const tooLarge = (path: string): AppError =>
  new AppError('file_error', {
    say: `${path.slice(0, 200)} has more than ${FILE_LIMITS.readBytes / 1024 ** 2} MiB; download it (GET …/file).`,
    details: { reason: 'too_large' },
  })

/** What is not of the alphabet is left out in decoding, so that less comes of it. */
function fromBase64(text: string): Buffer {
  const digits = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
  const bytes = Buffer.from(text, 'base64')
  if (digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4)) return bytes
  throw new AppError('invalid_request', { say: 'content: is not base64.', details: { field: 'content' } })
}

function* textOf(chunks: readonly Uint8Array[], encoding: Text['encoding']): Generator<string> {
  const decoder = new StringDecoder(encoding)
  for (const chunk of chunks) yield decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  yield decoder.end()
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}
