// The copying side of page-copy.ts, in a thread of its own. Everything is synchronous and into buffers that are kept: what
// it costs is what a VM stands still for.

import { readSync, writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { PAGE_BYTES, RUN_PAGES, sumPages } from '../sums-format.ts'
import { CANCELLED, CHUNK_PAGES, NEXT, type CopiedPart, type CopyJob, type CopyResult } from './page-copy.ts'

const entries = Buffer.alloc(CHUNK_PAGES * 8)
const nothing = Buffer.alloc(CHUNK_PAGES * 8)
const bytes = Buffer.alloc(RUN_PAGES * PAGE_BYTES)
const runs = new Uint32Array(CHUNK_PAGES * 2)
const sums = new Uint32Array(CHUNK_PAGES)

/** Upper halves of the entries of proc_pid_pagemap(5): present in memory or swapped out, and not a page of the file. */
const upper = new Uint32Array(entries.buffer, entries.byteOffset, CHUNK_PAGES * 2)
const PRESENT_OR_SWAPPED = 0xc0000000
const OF_FILE = 0x20000000
const isOwn = (page: number): boolean => {
  const entry = upper[page * 2 + 1] ?? 0
  return (entry & PRESENT_OR_SWAPPED) !== 0 && (entry & OF_FILE) === 0
}

parentPort?.on('message', ({ id, job }: { id: number; job: CopyJob }) => {
  const result = copy(job)
  const moved = result.parts.flatMap(({ runs, sums }) => [runs.buffer, sums.buffer] as ArrayBuffer[])
  parentPort?.postMessage({ id, result }, moved)
})

function copy(job: CopyJob): CopyResult {
  const parts: CopiedPart[] = []
  try {
    for (let chunk = take(job); chunk * 3 < job.chunks.length && !isCancelled(job); chunk = take(job)) {
      const part = copyChunk(job, chunk)
      if (part) parts.push(part)
    }
    return { parts, error: isCancelled(job) ? { code: 'ECANCELED', message: 'cancelled' } : null }
  } catch (error) {
    // No use for the others to go on.
    Atomics.store(job.control, CANCELLED, 1)
    const { code = 'unknown', message } = error as NodeJS.ErrnoException
    return { parts: [], error: { code, message } }
  }
}

const take = ({ control }: CopyJob): number => Atomics.add(control, NEXT, 1)
const isCancelled = ({ control }: CopyJob): boolean => Atomics.load(control, CANCELLED) !== 0

function copyChunk(job: CopyJob, chunk: number): CopiedPart | null {
  const [address = 0, firstPage = 0, pages = 0] = job.chunks.subarray(chunk * 3, chunk * 3 + 3)
  readWhole(job.pagemapFd, entries, pages * 8, (address / PAGE_BYTES) * 8)
  // Most of a large memory was never touched: nothing there, and that is told at once.
  if (entries.compare(nothing, 0, pages * 8, 0, pages * 8) === 0) return null
  let [runCount, sumCount] = [0, 0]
  for (let page = 0; page < pages; page++) {
    if (!isOwn(page)) continue
    const from = page
    while (page + 1 < pages && page + 1 - from < RUN_PAGES && isOwn(page + 1)) page++
    const length = page + 1 - from
    copyRun(job, address + from * PAGE_BYTES, firstPage + from, length)
    if (job.withSums) sumPages(bytes.subarray(0, length * PAGE_BYTES), sums, sumCount)
    runs[runCount++] = firstPage + from
    runs[runCount++] = length
    sumCount += length
  }
  return { chunk, runs: runs.slice(0, runCount), sums: sums.slice(0, sumCount) }
}

function copyRun({ memFd, targetFd }: CopyJob, address: number, page: number, pages: number): void {
  const length = pages * PAGE_BYTES
  readWhole(memFd, bytes, length, address)
  for (let done = 0; done < length;) done += writeSync(targetFd, bytes, done, length - done, page * PAGE_BYTES + done)
}

/** A process that ended has no memory, and says so by an end of file. */
function readWhole(fd: number, into: Buffer, length: number, from: number): void {
  for (let done = 0; done < length;) {
    const read = readSync(fd, into, done, length - done, from + done)
    if (read === 0) throw Object.assign(new Error('the process ended'), { code: 'ESRCH' })
    done += read
  }
}
