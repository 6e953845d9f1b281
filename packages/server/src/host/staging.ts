// Parts of uploads on the host's disk, until they are put together in a machine: a directory for each upload, a file for
// each part. A file is written once and is whole and durable when it is told of; a part that comes again is another file,
// so nobody who reads one ever sees it change.

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Op } from '../observe/op.ts'
import type { PartKept, PartWanted, Staging } from './host.ts'
import { allocatedBytes } from './saved/files.ts'
import { syncAll } from './saved/sync.ts'

const READ_BYTES = 256 * 1024

/** `root` has a directory for each upload. */
export function stagingIn(root: string): Staging {
  return {
    keep: (op, uploadId, part, body) => keepPart(op, join(root, uploadId), part, body),
    sum: (op, uploadId, files) => sumOf(op, join(root, uploadId), files),
    read: (uploadId, files) => readAll(join(root, uploadId), files),
    // A part that is just being written to it may make it stay; who wrote that drops it again.
    drop: (uploadId, file = '') => rm(join(root, uploadId, file), { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Answers when the part is on the disk for good, or is known not to be what was wanted; then nothing of it is left. */
async function keepPart(op: Op, dir: string, { number, bytes, sha256 }: PartWanted, body: AsyncIterable<Uint8Array>): Promise<PartKept> {
  if ((await mkdir(dir, { recursive: true, mode: 0o700 })) !== undefined) await syncAll([join(dir, '..')])
  const file = `${number}-${randomBytes(8).toString('hex')}`
  const path = join(dir, file)
  let kept = false
  try {
    const written = await write(op, path, body, bytes)
    if (written.bytes !== bytes) return { kept: false, why: 'size' }
    if (sha256 !== null && written.sha256 !== sha256) return { kept: false, why: 'checksum' }
    await syncAll([dir])
    kept = true
    return { kept, file }
  } finally {
    if (!kept) await rm(path, { force: true })
  }
}

/** Stops at the first byte too many. */
async function write(op: Op, path: string, body: AsyncIterable<Uint8Array>, most: number): Promise<{ bytes: number; sha256: string }> {
  await using file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of asLongAs(op, body)) {
    bytes += chunk.length
    if (bytes > most) break
    hash.update(chunk)
    // At the file's own position, all of the chunk.
    await file.writeFile(chunk)
  }
  await file.sync()
  return { bytes, sha256: hash.digest('hex') }
}

async function* readAll(dir: string, files: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const name of files) {
    await using file = await open(join(dir, name), 'r')
    for (;;) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(READ_BYTES) })
      if (bytesRead === 0) break
      yield buffer.subarray(0, bytesRead)
    }
  }
}

async function sumOf(op: Op, dir: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of readAll(dir, files)) {
    op.throwIfDone()
    hash.update(chunk)
  }
  return hash.digest('hex')
}

export async function stagedBytes(dir: string): Promise<number> {
  // What is no directory of ours counts by itself.
  const files = await readdir(dir).catch(() => ['.'])
  const sizes = await Promise.all(files.map((file) => allocatedBytes(join(dir, file))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Does not wait for ever for a sender who says nothing. */
async function* asLongAs(op: Op, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      const next = await op.race(chunks.next())
      ended = next.done === true
      if (next.done) return
      yield next.value
    }
  } finally {
    // Not waited for: it may stand behind a chunk that never comes.
    if (!ended) chunks.return?.().catch(() => {})
  }
}
