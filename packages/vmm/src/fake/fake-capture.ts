// Capture as the fake has it: the guest stands still while its memory, its (empty) device state and the checksums are
// written and the caller copies the disk. Commands of the guest go on afterwards as if nothing had been.

import { writeFile } from 'node:fs/promises'
import { DriverError, noSpaceOr } from '../errors.ts'
import type { Captured, CaptureSpec } from '../driver.ts'
import { checkCapture } from '../files.ts'
import type { Op } from '../op.ts'
import { vmPaths } from '../paths.ts'
import { writeStateFile, type StateTraits } from '../state-file.ts'
import { sumsOf, writeMemory } from './fake-memory.ts'
import type { FakeShape, FakeVm } from './fake-world.ts'
import type { FaultPoint } from './faults.ts'

/** The fake has no devices; all that it is lies in its memory. */
export const DEVICE_STATE = 'fake devices\n'

interface CaptureParts {
  readonly traits: (shape: FakeShape) => StateTraits
  readonly fault: (point: FaultPoint, op: Op) => Promise<void>
  /** Throws unless the VM is. */
  readonly alive: () => void
}

export async function captureFake(op: Op, vm: FakeVm, spec: CaptureSpec, { traits, fault, alive }: CaptureParts): Promise<Captured> {
  const shape = vm.restored
  if (!shape) throw new DriverError('unsupported', 'A VM that was booted has no snapshot to tell its own memory from')
  refuseHeld(vm)
  if (vm.capturing) throw new DriverError('control_failed', `VM ${vm.handle.id} is being captured already`)
  await checkCapture(spec, shape)
  await fault('capture', op)
  await spec.beforeStop?.(op)
  alive()
  vm.capturing = true
  vm.guest.freeze()
  const stoppedAt = performance.now()
  let stays = false
  try {
    const state = vm.guest.state()
    const stream = vmPaths(vm.handle.dir).state
    const saveState = async (): Promise<void> => {
      await writeFile(stream, DEVICE_STATE)
      await writeStateFile(spec.stateFile, stream, traits(shape), { sync: false, mode: 0o600 })
    }
    const copyMemory = async (): Promise<number> => {
      const memory = await writeMemory(spec.memoryFile, state)
      await fault('captureCopy', op)
      await writeFile(spec.sumsFile, sumsOf(memory, shape.memoryMb), { flag: 'wx', mode: 0o600 })
      return memory.length
    }
    const [copied, ...others] = await Promise.allSettled([copyMemory(), saveState(), op.race(spec.whileStopped(op))])
    alive()
    refuseHeld(vm)
    for (const part of [copied, ...others]) if (part.status === 'rejected') noSpaceOr(part.reason)
    stays = spec.afterwards === 'stay'
    return { ownBytes: copied.status === 'fulfilled' ? copied.value : 0, stoppedMs: performance.now() - stoppedAt }
  } finally {
    vm.capturing = false
    // What the host's full disk stopped waits for resume().
    if (!stays && !vm.held) vm.guest.thaw()
  }
}

function refuseHeld({ handle, held }: FakeVm): void {
  if (held) throw new DriverError('no_space', `VM ${handle.id} stands still, because the host could not write its disk`)
}
