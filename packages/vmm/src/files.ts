// What can be said about a VM's files before anything is started.

import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DriverError } from './errors.ts'
import type { BootSpec, CaptureSpec, RestoreSpec } from './driver.ts'

/** A hypervisor would lengthen an empty file, refuse a short one in words of its own, and map only the start of a long one. */
export async function checkMemoryFile({ memoryFile, memoryMb }: Pick<RestoreSpec, 'memoryFile' | 'memoryMb'>): Promise<void> {
  const size = await sizeOf(memoryFile, 'The memory file')
  if (size === memoryMb * 1024 * 1024) return
  throw new DriverError('bad_snapshot', `The memory file has ${size} bytes, but the VM has ${memoryMb} MiB: ${memoryFile}`)
}

export async function checkDisk({ disk, backing }: BootSpec | RestoreSpec): Promise<void> {
  await sizeOf(disk, 'The disk')
  for (const { file } of backing) await sizeOf(file, 'A layer of the disk')
}

/** What a capture writes over is never another snapshot's. */
export async function checkCapture(spec: CaptureSpec, { memoryMb }: { memoryMb: number }): Promise<void> {
  await checkMemoryFile({ memoryFile: spec.memoryFile, memoryMb })
  for (const path of [spec.stateFile, spec.sumsFile]) {
    if (existsSync(path)) throw new DriverError('control_failed', `There is a file already where a capture was to write: ${path}`)
  }
}

export async function checkKernel({ kernel, initramfs }: BootSpec): Promise<void> {
  await sizeOf(kernel, 'The kernel')
  await sizeOf(initramfs, 'The initramfs')
}

async function sizeOf(path: string, what: string): Promise<number> {
  try {
    const { size } = await stat(path)
    return size
  } catch (cause) {
    throw new DriverError('bad_snapshot', `${what} cannot be read: ${path}`, { cause })
  }
}
