// The two ways to copy a file inside a pool, and the probe that tells which one a directory can do.

import { constants, copyFile, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../network/run.ts'
import type { Op } from '../../observe/op.ts'

/** Shares every block. A kernel that cannot refuses; it is never answered with a full copy. */
export async function reflink(op: Op, from: string, to: string): Promise<void> {
  op.throwIfDone()
  const done = copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
  await op.race(done, () => void rm(to, { force: true }))
}

/** Copies the bytes; what reads as zeroes becomes holes. */
export async function sparseCopy(op: Op, from: string, to: string): Promise<void> {
  // cp has no exit code for "was there already", so the name is claimed first.
  const claim = await open(to, 'wx', (await stat(from)).mode & 0o777)
  await claim.close()
  try {
    await run(op, 'cp', ['--sparse=always', '--reflink=never', '--', from, to])
  } catch (error) {
    await rm(to, { force: true })
    throw error
  }
}

/** A probe that a crash left behind is no data. */
export const PROBE_PREFIX = '.reflink-'

/** By a real attempt in `dir`: names of filesystems say nothing about how they were made. */
export async function canReflink(op: Op, dir: string): Promise<boolean> {
  const probe = await mkdtemp(join(dir, PROBE_PREFIX))
  try {
    await writeFile(join(probe, 'a'), Buffer.alloc(64 * 1024, 1))
    await reflink(op, join(probe, 'a'), join(probe, 'b'))
    return true
  } catch (error) {
    op.throwIfDone()
    op.log(`reflink in ${dir}: ${(error as Error).message}`)
    return false
  } finally {
    await rm(probe, { recursive: true, force: true })
  }
}
