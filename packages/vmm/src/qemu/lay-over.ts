// Laying pages over the memory of a VM that was started and does not run: they become its own, as if its guest had
// written them. What it maps stays the file that its siblings map, too.

import { open, readFile, type FileHandle } from 'node:fs/promises'
import { DriverError, type DriverErrorCode } from '../errors.ts'
import type { Op } from '../op.ts'
import type { RestoredFrom, RestoreSpec } from '../driver.ts'
import { decodeSums, type MemorySums } from '../sums-format.ts'
import { Workers } from '../workers.ts'
import { findMemory, type Segment } from './own-memory.ts'
import { isAlive, type ProcessId } from './process.ts'

export interface LayJob {
  readonly memFd: number
  readonly sourceFd: number
  readonly segments: readonly Segment[]
  readonly sums: MemorySums
  /** Not 0: nobody waits for it any more. */
  readonly cancelled: Int32Array
}

/** null: all is well. */
export type LayResult = { readonly code: DriverErrorCode; readonly message: string } | null

const THREADS = 2
const workers = new Workers<LayJob, LayResult>(new URL('./lay-over.worker.ts', import.meta.url), THREADS)

/** Rejects with bad_snapshot when a page is not what its checksum says; the VM is not to be let run then. */
export async function layOver(
  op: Op,
  process: ProcessId,
  mapped: RestoredFrom['memory'],
  { memoryFile, sumsFile }: NonNullable<RestoreSpec['overlay']>,
): Promise<void> {
  const sums = decodeSums(await readFile(sumsFile), sumsFile)
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  const files: FileHandle[] = []
  const opened = async (path: string, flags: string): Promise<number> => {
    const file = await open(path, flags)
    files.push(file)
    return file.fd
  }
  let laid: Promise<LayResult> | undefined
  try {
    const memFd = await opened(`/proc/${process.pid}/mem`, 'r+')
    const sourceFd = await opened(memoryFile, 'r')
    const segments = await findMemory(process.pid, mapped)
    // What is open stays with that process; so it was the right one all the time.
    if (!isAlive(process)) throw new DriverError('vm_gone', `Process ${process.pid} is gone`)
    laid = workers.run({ memFd, sourceFd, segments, sums, cancelled })
    const problem = await op.race(laid)
    if (problem) throw new DriverError(problem.code, `${memoryFile}: ${problem.message}`)
  } finally {
    Atomics.store(cancelled, 0, 1)
    // Not before the thread is done with them: another file could get their number.
    void Promise.allSettled([laid]).then(async () => {
      for (const file of files) await file.close()
    })
  }
}
