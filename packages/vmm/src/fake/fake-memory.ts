// The fake guest's memory, as a file: the state of the guest in it, so that a snapshot whose memory was mixed up or
// damaged does not restore as if nothing had happened.

import { open, type FileHandle } from 'node:fs/promises'
import { DriverError } from '../errors.ts'
import { encodeSums, PAGE_BYTES, RUN_PAGES, sumPages } from '../sums-format.ts'
import type { GuestState } from './fake-guest.ts'

const MAGIC = 'fake guest memory\n'
const HEADER_BYTES = MAGIC.length + 4

/** Returns what was written, in whole pages from the file's begin. */
export async function writeMemory(memoryFile: string, state: GuestState): Promise<Buffer> {
  const content = Buffer.from(JSON.stringify(state))
  const memory = Buffer.alloc(Math.ceil((HEADER_BYTES + content.length) / PAGE_BYTES) * PAGE_BYTES)
  memory.write(MAGIC)
  memory.writeUInt32LE(content.length, MAGIC.length)
  content.copy(memory, HEADER_BYTES)
  await using file = await open(memoryFile, 'r+')
  if ((await file.stat()).size < memory.length) throw new DriverError('control_failed', 'The fake guest has more files than memory')
  await file.write(memory, 0, memory.length, 0)
  return memory
}

export async function readMemory(memoryFile: string): Promise<GuestState> {
  const bad = (cause?: unknown): DriverError =>
    new DriverError('bad_snapshot', `There is no fake guest in this memory: ${memoryFile}`, { cause })
  await using file = await open(memoryFile, 'r')
  const header = await readAt(file, 0, HEADER_BYTES)
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw bad()
  const length = header.readUInt32LE(MAGIC.length)
  if (length > (await file.stat()).size - HEADER_BYTES) throw bad()
  try {
    return JSON.parse((await readAt(file, HEADER_BYTES, length)).toString('utf8')) as GuestState
  } catch (cause) {
    throw bad(cause)
  }
}

/** The file of checksums for `memory`, written from the begin of a memory file of `memoryMb`. */
export function sumsOf(memory: Buffer, memoryMb: number): Buffer {
  const count = memory.length / PAGE_BYTES
  const runs = []
  for (let first = 0; first < count; first += RUN_PAGES) runs.push(first, Math.min(RUN_PAGES, count - first))
  const sums = new Uint32Array(count)
  sumPages(memory, sums, 0)
  return encodeSums({ pages: (memoryMb * 1024 * 1024) / PAGE_BYTES, runs: Uint32Array.from(runs), sums })
}

async function readAt(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, from)
  return buffer.subarray(0, bytesRead)
}
