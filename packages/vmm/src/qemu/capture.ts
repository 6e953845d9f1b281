// A copy of a running VM. What can be done while it runs comes first; then it is stopped, and everything that needs it to
// stand still is done at once; what is left comes after it runs again.

import { constants } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { DriverError, noSpaceOr } from '../errors.ts'
import { checkCapture } from '../files.ts'
import { Op } from '../op.ts'
import { encodeSums, PAGE_BYTES, type MemorySums } from '../sums-format.ts'
import type { Captured, CaptureSpec, Held, RestoredFrom } from '../driver.ts'
import { writeStateFile, type StateTraits } from '../state-file.ts'
import { SAVE_FD } from './command-line.ts'
import { confirmFlushed } from './disk.ts'
import { PageCopy } from './page-copy.ts'
import { isAlive } from './process.ts'
import type { VmParts } from './vm.ts'

export interface CaptureParts extends Pick<VmParts, 'handle' | 'qmp' | 'paths' | 'process'> {
  readonly isHeld: () => Held | null
  readonly restored: RestoredFrom
}

/** How long QEMU may take to let the VM go on after a failure, whatever became of the operation. */
const GO_ON_MS = 10_000

export async function captureVm(op: Op, parts: CaptureParts, spec: CaptureSpec): Promise<Captured> {
  const { handle, process, qmp, restored } = parts
  if (!isAlive(process)) throw new DriverError('vm_gone', `VM ${handle.id} is gone`)
  refuseHeld(parts)
  await checkCapture(spec, traitsOf(restored))
  try {
    using memory = await PageCopy.open(op, process, restored.memory, spec.memoryFile)
    await memory.prepare(op)
    await op.race(flush(restored.disk))
    await spec.beforeStop?.(op)
    return await standStill(op, parts, spec, memory)
  } catch (error) {
    if (qmp.ended.aborted || !isAlive(process))
      throw new DriverError('vm_gone', `VM ${handle.id} ended while it was captured`, { cause: error })
    return noSpaceOr(error)
  }
}

async function standStill(op: Op, parts: CaptureParts, spec: CaptureSpec, memory: PageCopy): Promise<Captured> {
  const { qmp, paths, restored } = parts
  const startedAt = performance.now()
  let stands = true
  try {
    await qmp.execute(op, 'stop')
    // What it had left to write may have been too much for the disk.
    refuseHeld(parts)
    const sums = await takeAll(op, parts, spec, memory)
    if (spec.afterwards === 'run') {
      await qmp.execute(op, 'cont')
      stands = false
    }
    const ranAt = performance.now()
    await Promise.all([
      writeStateFile(spec.stateFile, paths.state, traitsOf(restored), { sync: false, mode: 0o600 }),
      writeFile(spec.sumsFile, encodeSums(sums), { flag: 'wx', mode: 0o600 }),
    ])
    return { ownBytes: sums.sums.length * PAGE_BYTES, stoppedMs: (stands ? performance.now() : ranAt) - startedAt }
  } catch (error) {
    // One that is held waits for whoever resumes it when there is space again.
    if (stands && !parts.isHeld()) await goOn(parts, error)
    throw error
  }
}

/** What needs the VM to stand still, all at the same time. The first failure ends the others. */
async function takeAll(op: Op, { qmp, restored }: CaptureParts, spec: CaptureSpec, memory: PageCopy): Promise<MemorySums> {
  const failure = new AbortController()
  using part = new Op('stand still', { timeoutMs: op.remainingMs, signal: AbortSignal.any([op.signal, failure.signal, qmp.ended]) })
  part.log = (text) => op.log(text)
  const orFail = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await part.race(task())
    } catch (error) {
      failure.abort(error)
      throw error
    }
  }
  const [sums] = await Promise.allSettled([
    orFail(() => memory.copy(part)),
    orFail(async () => {
      await confirmFlushed(part, qmp, restored.layers)
      await spec.whileStopped(part)
    }),
    // The directory is not the process's own any more, but this file in it was opened for it. Not `live`: it would hand the
    // disk over to somebody else, and take it back at `cont`.
    orFail(() => qmp.execute(part, 'xen-save-devices-state', { filename: `/proc/self/fd/${SAVE_FD}`, live: false })),
  ])
  failure.signal.throwIfAborted()
  if (sums.status === 'rejected') throw sums.reason
  return sums.value
}

async function goOn({ qmp, handle }: CaptureParts, why: unknown): Promise<void> {
  using op = new Op(`let ${handle.id} go on`, { timeoutMs: GO_ON_MS })
  await qmp.execute(op, 'cont').catch((error: unknown) => {
    throw new DriverError('control_failed', `VM ${handle.id} does not go on after a capture that failed: ${String(error)}`, { cause: why })
  })
}

function traitsOf({ vcpus, compatibility, memory }: RestoredFrom): StateTraits {
  return { driver: 'qemu', compatibility, vcpus, memoryMb: memory.bytes / 1024 ** 2 }
}

function refuseHeld({ handle, isHeld }: CaptureParts): void {
  if (isHeld()) throw new DriverError('no_space', `VM ${handle.id} stands still, because the host could not write its disk`)
}

/** Beforehand, so that little is left for the flush that is part of being stopped. */
async function flush(disk: string): Promise<void> {
  try {
    await using file = await open(disk, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    await file.datasync()
  } catch (error) {
    // Its directory was moved. It only takes longer then.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
