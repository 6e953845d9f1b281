// The writing side of lay-over.ts, in a thread of its own: a guest with much of its own takes longer than an event loop
// may be held up.

import { readSync, writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { DriverError } from '../errors.ts'
import { PAGE_BYTES, RUN_PAGES, sumPages } from '../sums-format.ts'
import type { LayJob, LayResult } from './lay-over.ts'
import type { Segment } from './own-memory.ts'

const buffer = Buffer.alloc(RUN_PAGES * PAGE_BYTES)
const found = new Uint32Array(RUN_PAGES)

parentPort?.on('message', ({ id, job }: { id: number; job: LayJob }) => {
  let result: LayResult = null
  try {
    lay(job)
  } catch (error) {
    const code = error instanceof DriverError ? error.code : 'control_failed'
    result = { code, message: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage({ id, result }, [])
})

function lay({ memFd, sourceFd, segments, sums: { runs, sums }, cancelled }: LayJob): void {
  let sum = 0
  for (let at = 0; at < runs.length && Atomics.load(cancelled, 0) === 0; at += 2) {
    const [first = 0, pages = 0] = [runs[at], runs[at + 1]]
    const bytes = buffer.subarray(0, pages * PAGE_BYTES)
    readWhole(sourceFd, bytes, first * PAGE_BYTES)
    sumPages(bytes, found, 0)
    for (let page = 0; page < pages; page++, sum++) {
      if (found[page] !== sums[sum]) throw new DriverError('bad_snapshot', `the page at byte ${(first + page) * PAGE_BYTES} is damaged`)
    }
    for (const { address, from, length } of pieces(segments, first, pages)) {
      const part = bytes.subarray((from - first) * PAGE_BYTES, (from - first + length) * PAGE_BYTES)
      for (let done = 0; done < part.length;) done += writeSync(memFd, part, done, part.length - done, address + done)
    }
  }
}

/** Where a run of pages of the file lies; in one piece as a rule. */
function* pieces(segments: readonly Segment[], first: number, pages: number): Generator<{ address: number; from: number; length: number }> {
  for (const segment of segments) {
    const from = Math.max(first, segment.firstPage)
    const to = Math.min(first + pages, segment.firstPage + segment.pages)
    if (from < to) yield { address: segment.address + (from - segment.firstPage) * PAGE_BYTES, from, length: to - from }
  }
}

function readWhole(fd: number, into: Buffer, from: number): void {
  for (let done = 0; done < into.length;) {
    const read = readSync(fd, into, done, into.length - done, from + done)
    if (read === 0) throw new DriverError('bad_snapshot', 'it ends early')
    done += read
  }
}
