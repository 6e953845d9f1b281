// What capture() wrote into a snapshot's memory file, by the file of checksums that goes with it: how much, and whether it
// is still there. Reads those pages, not the whole file, and not on the event loop.

import { readFile } from 'node:fs/promises'
import { DriverError, type DriverErrorCode } from './errors.ts'
import type { Op } from './op.ts'
import { decodeSums, PAGE_BYTES } from './sums-format.ts'
import { Workers } from './workers.ts'

export interface VerifyJob {
  readonly memoryFile: string
  readonly sumsFile: string
  /** Not 0: nobody waits for it any more. */
  readonly cancelled: Int32Array
}

/** null: all is well. */
export type VerifyResult = { readonly code: DriverErrorCode; readonly message: string } | null

const workers = new Workers<VerifyJob, VerifyResult>(new URL('./memory-sums.worker.ts', import.meta.url), 1)

/** Rejects with bad_snapshot, or incompatible_snapshot where another release wrote the sums, naming what is wrong. */
export async function verifyMemory(op: Op, memoryFile: string, sumsFile: string): Promise<void> {
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  try {
    const problem = await op.race(workers.run({ memoryFile, sumsFile, cancelled }))
    if (problem) throw new DriverError(problem.code, problem.message)
  } finally {
    Atomics.store(cancelled, 0, 1)
  }
}

/** Bytes of memory that the capture wrote. */
export async function readOwnBytes(sumsFile: string): Promise<number> {
  return decodeSums(await readFile(sumsFile), sumsFile).sums.length * PAGE_BYTES
}
