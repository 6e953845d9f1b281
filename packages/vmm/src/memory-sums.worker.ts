// The reading side of memory-sums.ts, in a thread of its own.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { DriverError } from './errors.ts'
import { decodeSums, PAGE_BYTES, RUN_PAGES, sumPages } from './sums-format.ts'
import type { VerifyJob, VerifyResult } from './memory-sums.ts'

/** Sums of a terabyte of memory, all of it written, would be four times as long. */
const LARGEST_SUMS_FILE = 256 * 1024 * 1024

const buffer = Buffer.alloc(RUN_PAGES * PAGE_BYTES)

parentPort?.on('message', ({ id, job }: { id: number; job: VerifyJob }) => {
  let result: VerifyResult = null
  try {
    verify(job)
  } catch (error) {
    const code = error instanceof DriverError ? error.code : 'bad_snapshot'
    result = { code, message: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage({ id, result }, [])
})

function verify({ memoryFile, sumsFile, cancelled }: VerifyJob): void {
  const { pages, runs, sums } = withFile(sumsFile, (fd, size) => {
    if (size > LARGEST_SUMS_FILE) throw new DriverError('bad_snapshot', `${sumsFile} holds no checksums of memory`)
    const file = Buffer.alloc(size)
    return decodeSums(file.subarray(0, readFully(fd, file, 0)), sumsFile)
  })
  withFile(memoryFile, (fd, size) => {
    if (size !== pages * PAGE_BYTES) {
      throw new DriverError('bad_snapshot', `${memoryFile} has ${size} bytes, but its checksums are of ${pages * PAGE_BYTES}`)
    }
    const found = new Uint32Array(RUN_PAGES)
    for (let at = 0, sum = 0; at < runs.length && Atomics.load(cancelled, 0) === 0; at += 2) {
      const [first = 0, length = 0] = [runs[at], runs[at + 1]]
      const bytes = buffer.subarray(0, length * PAGE_BYTES)
      readFully(fd, bytes, first * PAGE_BYTES)
      sumPages(bytes, found, 0)
      for (let page = 0; page < length; page++, sum++) {
        if (found[page] !== sums[sum]) throw damaged(memoryFile, first + page)
      }
    }
  })
}

const damaged = (path: string, page: number): DriverError =>
  new DriverError('bad_snapshot', `${path} is damaged: the page at byte ${page * PAGE_BYTES} is not what was written there`)

function withFile<T>(path: string, use: (fd: number, size: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new DriverError('bad_snapshot', `${path} is no file`)
    return use(fd, stat.size)
  } finally {
    closeSync(fd)
  }
}

/** How much there was. */
function readFully(fd: number, into: Buffer, from: number): number {
  let length = 0
  while (length < into.length) {
    const read = readSync(fd, into, length, into.length - length, from + length)
    if (read === 0) break
    length += read
  }
  return length
}
