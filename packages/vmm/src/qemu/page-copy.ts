// Copying the pages of memory that a VM changed, i.e. that are its own and not the file's, into a copy of that file; by
// threads, each taking the next piece of memory that none has taken yet.

import { open, type FileHandle } from 'node:fs/promises'
import { DriverError, noSpaceOr } from '../errors.ts'
import type { Op } from '../op.ts'
import type { RestoredFrom } from '../driver.ts'
import { PAGE_BYTES, type MemorySums } from '../sums-format.ts'
import { Workers } from '../workers.ts'
import { findMemory, type Segment } from './own-memory.ts'
import { isAlive, type ProcessId } from './process.ts'
import { Turns } from './turns.ts'

/** What a thread takes at once: little enough for two to share the work, and that it notices soon when it is not wanted. */
export const CHUNK_PAGES = 2048

export interface CopyJob {
  readonly pagemapFd: number
  readonly memFd: number
  readonly targetFd: number
  /** `[address, first page in the file, pages, …]` */
  readonly chunks: Float64Array
  /** Two of them, see NEXT and CANCELLED. */
  readonly control: Int32Array
  readonly withSums: boolean
}

/** Index of the chunk that is to be taken next. */
export const NEXT = 0
/** Not 0: nobody waits for it any more. */
export const CANCELLED = 1

export interface CopyResult {
  readonly parts: readonly CopiedPart[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** What was written of a chunk; as in MemorySums. */
export interface CopiedPart {
  readonly chunk: number
  readonly runs: Uint32Array
  readonly sums: Uint32Array
}

const THREADS = 2
const workers = new Workers<CopyJob, CopyResult>(new URL('./page-copy.worker.ts', import.meta.url), THREADS)
const turns = new Turns()

/** Everything is open and known, so that copying can begin at once. One VM at a time is copied: nobody stands still for another. */
export class PageCopy {
  readonly #fds: Pick<CopyJob, 'pagemapFd' | 'memFd' | 'targetFd'>
  readonly #chunks: Float64Array
  readonly #pages: number
  readonly #close: () => Promise<void>
  #running: Promise<unknown> = Promise.resolve()
  #control = newControl()

  private constructor(files: readonly [FileHandle, FileHandle, FileHandle], segments: readonly Segment[], endTurn: () => void) {
    const [pagemap, memory, target] = files
    this.#fds = { pagemapFd: pagemap.fd, memFd: memory.fd, targetFd: target.fd }
    this.#chunks = chunksOf(segments)
    this.#pages = segments.reduce((sum, { pages }) => sum + pages, 0)
    this.#close = async () => {
      for (const file of files) await file.close()
      endTurn()
    }
  }

  static async open(op: Op, process: ProcessId, memory: RestoredFrom['memory'], target: string): Promise<PageCopy> {
    const endTurn = await turns.take(op, 'copy')
    const files: FileHandle[] = []
    const openFile = async (path: string, flags: string): Promise<FileHandle> => {
      const file = await open(path, flags)
      files.push(file)
      return file
    }
    try {
      const opened = [
        await openFile(`/proc/${process.pid}/pagemap`, 'r'),
        await openFile(`/proc/${process.pid}/mem`, 'r'),
        await openFile(target, 'r+'),
      ] as const
      const segments = await findMemory(process.pid, memory)
      // What is open stays with that process; so it was the right one all the time.
      if (!isAlive(process)) throw new DriverError('vm_gone', `Process ${process.pid} is gone`)
      return new PageCopy(opened, segments, endTurn)
    } catch (error) {
      for (const file of files) await file.close()
      endTurn()
      if (error instanceof DriverError) throw error
      if (!isAlive(process)) throw new DriverError('vm_gone', `Process ${process.pid} is gone`, { cause: error })
      throw new DriverError('control_failed', `The memory of process ${process.pid} cannot be read`, { cause: error })
    }
  }

  /** While the VM runs: what is copied later then finds its place prepared, and much of it does not change any more. */
  async prepare(op: Op): Promise<void> {
    await this.#run(op, false)
  }

  /** Of a VM that stands still. */
  async copy(op: Op): Promise<MemorySums> {
    const results = await this.#run(op, true)
    const parts = results.flatMap((result) => result.parts).sort((one, other) => one.chunk - other.chunk)
    return { pages: this.#pages, runs: concat(parts.map(({ runs }) => runs)), sums: concat(parts.map(({ sums }) => sums)) }
  }

  /** Whatever still runs ends soon. */
  cancel(): void {
    Atomics.store(this.#control, CANCELLED, 1)
  }

  /** Descriptors are closed when no thread uses them any more, and not before: another file could get their number. */
  [Symbol.dispose](): void {
    this.cancel()
    this.#running.catch(() => {}).then(this.#close, () => {})
  }

  async #run(op: Op, withSums: boolean): Promise<CopyResult[]> {
    op.throwIfDone()
    this.#control = newControl()
    const running = workers.runOnAll({ ...this.#fds, chunks: this.#chunks, control: this.#control, withSums })
    this.#running = Promise.allSettled([this.#running, running])
    const results = await op.race(running).finally(() => this.cancel())
    const errors = results.flatMap(({ error }) => error ?? [])
    const error = errors.find(({ code }) => code !== 'ECANCELED') ?? errors[0]
    if (error) throw failed(error)
    return results
  }
}

const newControl = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

function chunksOf(segments: readonly Segment[]): Float64Array {
  const chunks: number[] = []
  for (const { address, firstPage, pages } of segments) {
    for (let done = 0; done < pages; done += CHUNK_PAGES) {
      chunks.push(address + done * PAGE_BYTES, firstPage + done, Math.min(CHUNK_PAGES, pages - done))
    }
  }
  return Float64Array.from(chunks)
}

function concat(arrays: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const array of arrays) {
    all.set(array, at)
    at += array.length
  }
  return all
}

function failed({ code, message }: { code: string; message: string }): Error {
  try {
    return noSpaceOr(Object.assign(new Error(message), { code }))
  } catch (error) {
    return error instanceof DriverError ? error : new DriverError('control_failed', `Memory could not be copied: ${message}`)
  }
}
