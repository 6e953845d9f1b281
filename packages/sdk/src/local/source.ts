// What is uploaded: bytes that can be read from any place, and again.

import type { FileHandle } from 'node:fs/promises'
import { changed } from './failure.ts'

export interface Source {
  readonly kind: 'restartable_file' | 'spooled_stream' | 'directory_archive'
  /** Of the file or directory; undefined of a stream. */
  readonly name: string | undefined
  /** Bytes. */
  readonly length: number
  /** Files and symlinks. */
  readonly fileCount: number
  /** @throws MachineError `invalid_request` when it is not what it was at the beginning */
  read(offset: number, length: number): Promise<Buffer<ArrayBuffer>>
  close(): Promise<void>
}

const PIECE = 256 * 1024

/** All of it, in order. */
export async function* piecesFrom(source: Source): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < source.length; at += PIECE) yield await source.read(at, Math.min(PIECE, source.length - at))
}

export async function readExactly(handle: FileHandle, into: Buffer, position: number, path: string): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at)
    if (bytesRead === 0) throw changed(path)
    at += bytesRead
  }
}

export interface About {
  readonly kind: Source['kind']
  readonly name: string | undefined
  readonly length: number
  readonly path: string
}

export function fileSource(handle: FileHandle, { path, ...about }: About, close: () => Promise<void>): Source {
  return {
    ...about,
    fileCount: 1,
    async read(offset, length) {
      const bytes = Buffer.alloc(length)
      await readExactly(handle, bytes, offset, path)
      return bytes
    },
    close,
  }
}

export function bytesSource(bytes: Uint8Array): Source {
  return {
    kind: 'spooled_stream',
    name: undefined,
    length: bytes.length,
    fileCount: 1,
    read: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
    close: async () => {},
  }
}
