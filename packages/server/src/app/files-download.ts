// Contents out of a machine: a file, a part of one, or a directory as a tar.

import { AppError } from '@nullspace/contract/errors.ts'
import type { BytesAnswer } from '@nullspace/contract/route.ts'
import type { FileEntry } from '../host/guest/guest-files.ts'
import type { Principal } from '../domain/principal.ts'
import type { App } from './context.ts'
import { partOf } from './files-range.ts'
import { beginTransfer, type Transfer } from './files-transfer.ts'
import { type FilesUse, type Place, useFiles } from './files-use.ts'
import { nameOf } from './files-view.ts'

export interface Download {
  readonly path: string
  /** The header; of a directory it means nothing. */
  readonly range?: string | undefined
  readonly archive?: 'tar' | undefined
  readonly signal: AbortSignal
}

/** What the kernel makes up as it is read has no length before. */
const MADE_UP = /^\/(proc|sys)\//

/** Its bytes hold the machine in use until they are read, or returned from. */
export async function download(app: App, principal: Principal, place: Place, asked: Download): Promise<BytesAnswer> {
  const use = await useFiles(app, principal, place, { path: asked.path })
  const transfer = beginTransfer(`download from ${place.machineId}`, asked.signal)
  const end = (): void => {
    transfer[Symbol.dispose]()
    use[Symbol.dispose]()
  }
  try {
    const answer = await (asked.archive === 'tar' ? archived(use, transfer, asked) : file(use, transfer, asked))
    return { ...answer, bytes: held(use, transfer.fromGuest(answer.bytes), end) }
  } catch (error) {
    end()
    throw await use.failure(error)
  }
}

async function* held(use: FilesUse, bytes: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw await use.failure(error)
  } finally {
    end()
  }
}

async function archived({ files }: FilesUse, { op, owed }: Transfer, { path }: Download): Promise<BytesAnswer> {
  const bytes = await owed(files.pack(op, path))
  return { bytes, headers: { ...headersOf(`${nameOf(path.replace(/\/+$/, '')) || 'archive'}.tar`), 'content-type': 'application/x-tar' } }
}

async function file({ files }: FilesUse, { op, owed }: Transfer, { path, range }: Download): Promise<BytesAnswer> {
  if (range === undefined) return whole(await owed(files.read(op, path)))
  const before = Number((await owed(files.stat(op, path, { follow: true }))).size)
  const part = partOf(range, before)
  if (part === 'unsatisfiable') throw unsatisfiable(before)
  const read = await owed(files.read(op, path, part === 'whole' ? undefined : part))
  if (part === 'whole') return whole(read)
  // It may have got shorter in between.
  const size = Number(read.entry.size)
  const length = Math.min(part.length, size - part.offset)
  if (length <= 0) {
    await read.bytes[Symbol.asyncIterator]().return?.()
    throw unsatisfiable(size)
  }
  const content = `bytes ${part.offset}-${part.offset + length - 1}/${size}`
  return { status: 206, bytes: read.bytes, length, headers: { ...fileHeaders(read.entry), 'content-range': content } }
}

function whole({ entry, bytes }: { entry: FileEntry; bytes: AsyncIterable<Uint8Array> }): BytesAnswer {
  const known = entry.size > 0n && entry.size <= Number.MAX_SAFE_INTEGER && !MADE_UP.test(entry.path)
  return { bytes, headers: fileHeaders(entry), ...(known ? { length: Number(entry.size) } : {}) }
}

const unsatisfiable = (size: number): AppError =>
  new AppError('range_not_satisfiable', { say: `The file has ${size} bytes; the range begins after them.`, details: { size } })

const fileHeaders = ({ path }: FileEntry) => ({ ...headersOf(nameOf(path)), 'accept-ranges': 'bytes' })

/** To be kept as a file and not shown, whatever it holds; the name in both forms of RFC 6266. */
function headersOf(name: string): Readonly<Record<string, string>> {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%/]/g, '_')
  const exact = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)
  return { 'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${exact}`, 'x-content-type-options': 'nosniff' }
}
