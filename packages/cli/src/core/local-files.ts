// Bytes on this side: standard input, files. What the local disk says no to is told as `local_file_error`.

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CliError, usageError } from './failure.ts'
import type { Io } from './io.ts'

/** To its end. Fails when it is interrupted, so that a part is never taken for the whole. */
export async function* standardInput({ stdin, signal }: Pick<Io, 'stdin' | 'signal'>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* stdin.chunks(signal)
  signal.throwIfAborted()
}

/** The path in full of what is to be read. @throws CliError when there is no file */
export async function fileToRead({ cwd }: Pick<Io, 'cwd'>, name: string): Promise<string> {
  const path = resolve(cwd, name)
  const found = await onDisk(() => stat(path).catch(absent))
  if (!found) throw usageError(`there is nothing at ${path}`)
  if (found.isDirectory()) throw usageError(`${path} is a directory`, 'Use "nullspace machine upload", which takes directories.')
  return path
}

export async function* piecesOfFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of createReadStream(path)) yield piece as Uint8Array
  } catch (error) {
    throw ofDisk(error)
  }
}

/**
 * Whole or not at all; answers the number of bytes. Something that is there is replaced with `force` only.
 * @throws CliError; what `pieces` fail with
 */
export async function saveFile(path: string, pieces: AsyncIterable<Uint8Array>, force: boolean): Promise<number> {
  const taken = (): CliError => usageError(`there is something at ${path} already`, 'Add --force to replace it.')
  const found = await onDisk(() => lstat(path).catch(absent))
  if (found && !force) throw taken()
  if (found && !found.isFile() && !found.isSymbolicLink()) throw usageError(`${path} is no file, so it is not replaced`)
  const part = join(dirname(path), `.${basename(path).slice(0, 50)}.${randomUUID().slice(0, 8)}.part`)
  let bytes = 0
  try {
    const file = await onDisk(() => open(part, 'wx'))
    try {
      for await (const piece of pieces) {
        await onDisk(() => file.writeFile(piece))
        bytes += piece.length
      }
    } finally {
      await file.close()
    }
    if (force) await onDisk(() => rename(part, path))
    else {
      // A link is never made over something.
      await onDisk(() => link(part, path)).catch((error: unknown) => {
        throw error instanceof CliError && isSystemError(error.cause, 'EEXIST') ? taken() : error
      })
    }
  } finally {
    await rm(part, { force: true })
  }
  return bytes
}

export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw ofDisk(error)
  }
}

/** As the disk's refusal when it is the system's; else as it is. */
export function ofDisk(error: unknown): unknown {
  if (!isSystemError(error)) return error
  const told = new CliError('local_file_error', error.message, 'Look at the path and its permissions on this side.')
  told.cause = error
  return told
}

export const isSystemError = (error: unknown, code?: string): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && (code === undefined || ('code' in error && error.code === code))

function absent(error: unknown): undefined {
  if (!isSystemError(error, 'ENOENT') && !isSystemError(error, 'ENOTDIR')) throw error
}
