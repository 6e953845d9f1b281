// The source of an upload, from what its caller named.

import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { piecesOf, type FileContent } from '../content.ts'
import type { UploadSource } from '../file-transfer.ts'
import { directorySource } from './directory.ts'
import { invalid, isSystemError } from './failure.ts'
import { pathOf } from './paths.ts'
import { bytesSource, fileSource, type Source } from './source.ts'

/** Up to here a file goes in one request. */
export const DIRECT_BYTES = 8 * 1024 * 1024

/** @throws MachineError `invalid_request` for what cannot be sent */
export async function openSource(from: UploadSource, ignore: readonly string[]): Promise<Source> {
  if (!isPath(from)) return from instanceof Uint8Array ? bytesSource(from) : streamSource(from)
  const path = resolve(pathOf(from))
  const found = await statOf(path)
  if (found.isDirectory()) return directorySource(path, ignore)
  if (!found.isFile()) throw invalid(`${path} is neither a file nor a directory`)
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return fileSource(handle, { kind: 'restartable_file', name: basename(path), length: size, path }, () => handle.close())
}

export const isPath = (from: UploadSource): from is string | URL => typeof from === 'string' || from instanceof URL

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (error) {
    if (isSystemError(error, 'ENOENT') || isSystemError(error, 'ENOTDIR')) throw invalid(`there is nothing at ${path}`)
    throw error
  }
}

/** In memory while it is small, else on disk. */
async function streamSource(stream: Exclude<FileContent, string | Uint8Array>): Promise<Source> {
  const pieces = piecesOf(stream)
  const first: Uint8Array[] = []
  let length = 0
  try {
    while (length <= DIRECT_BYTES) {
      const { done, value } = await pieces.next()
      if (done) return bytesSource(Buffer.concat(first))
      first.push(value)
      length += value.length
    }
    return await spooled(first, pieces)
  } finally {
    await pieces.return()
  }
}

async function spooled(first: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): Promise<Source> {
  const path = join(tmpdir(), `nullspace-upload-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  const close = async (): Promise<void> => {
    await handle.close()
    await rm(path, { force: true })
  }
  try {
    let length = 0
    const keep = async (piece: Uint8Array): Promise<void> => {
      for (let at = 0; at < piece.length;) at += (await handle.write(piece, at, piece.length - at, length + at)).bytesWritten
      length += piece.length
    }
    for (const piece of first) await keep(piece)
    for await (const piece of rest) await keep(piece)
    return fileSource(handle, { kind: 'spooled_stream', name: undefined, length, path: 'the copy of the stream' }, close)
  } catch (error) {
    await close()
    throw error
  }
}
