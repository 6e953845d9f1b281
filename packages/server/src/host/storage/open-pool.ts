// Opens the pool of a data directory: reflink where the filesystem has it, else an XFS image, else copies. All three
// live at `<dataDir>/pool`, and data once written is never hidden: an image that exists is mounted or it is an error.

import { access, mkdir, readdir, realpath, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { canReflink, PROBE_PREFIX, reflink, sparseCopy } from './clone.ts'
import { defaultImageSize, detachImage, imagePath, isOurs, makeImage, mountAt, mountImage } from './loop.ts'
import type { StoragePool } from './storage.ts'
import { run } from '../network/run.ts'
import type { Op } from '../../observe/op.ts'

export interface PoolOptions {
  readonly dataDir: string
  /** Nominal size of a new image; null takes four fifths of the free space, between 4 GiB and 1 TiB. */
  readonly loopSizeBytes: number | null
  readonly allowLoop: boolean
}

interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Rejects when an image exists that cannot be mounted, or when the directory cannot be written. */
export async function openStoragePool(op: Op, options: PoolOptions): Promise<StoragePool> {
  await mkdir(join(options.dataDir, 'pool'), { recursive: true })
  const dataDir = await realpath(options.dataDir)
  const root = join(dataDir, 'pool')
  const mounted = await mountAt(root)
  if (mounted && (await isOurs(mounted, dataDir))) return loopPool(dataDir, root)
  if (!mounted && (await exists(imagePath(dataDir)))) {
    await mountImage(op, dataDir, root).catch((cause: unknown) => {
      throw new Error(
        `the storage pool ${imagePath(dataDir)} exists but cannot be mounted; run the daemon as root, or check it with xfs_repair`,
        { cause },
      )
    })
    return loopPool(dataDir, root)
  }
  if (await canReflink(op, root)) return nativePool(root)
  const no = `${root} cannot reflink`
  const refusal = options.allowLoop ? await whyNoLoop(root, mounted !== null) : 'an image is not allowed by the configuration'
  if (refusal !== null) return copyPool(root, `${no} and ${refusal}, so disks are copied in full`)
  try {
    await makeImage(op, dataDir, options.loopSizeBytes ?? (await defaultImageSize(dataDir)))
    await mountImage(op, dataDir, root)
    return loopPool(dataDir, root)
  } catch (error) {
    op.throwIfDone()
    await removeUnusedImage(op, dataDir)
    return copyPool(root, `${no} and an XFS image could not be made (${(error as Error).message}), so disks are copied in full`)
  }
}

/** Unmounts the pool if it is an image, and frees its loop device; harmless when it is not mounted. */
export async function unmountPool(op: Op, dataDir: string): Promise<void> {
  const real = await realpath(dataDir).catch(() => null)
  if (real === null) return
  const mounted = await mountAt(join(real, 'pool'))
  if (mounted && (await isOurs(mounted, real))) await run(op, 'umount', [join(real, 'pool')])
  await detachImage(op, real)
}

function nativePool(root: string): StoragePool {
  return { kind: 'native', root, reason: `${root} can reflink`, clone: reflink, free: () => space(root) }
}

function copyPool(root: string, reason: string): StoragePool {
  return { kind: 'copy', root, reason, clone: sparseCopy, free: () => space(root) }
}

function loopPool(dataDir: string, root: string): StoragePool {
  const reason = `the filesystem of ${dataDir} cannot reflink, so the pool is the XFS image ${imagePath(dataDir)}`
  return { kind: 'loop', root, reason, clone: reflink, free: async () => bounded(await space(root), await space(dataDir)) }
}

/** The image is sparse: what it says is free, the disk under it may long have given to somebody else. */
export function bounded(inner: Space, outer: Space): Space {
  const freeBytes = Math.min(inner.freeBytes, outer.freeBytes)
  return { freeBytes, totalBytes: inner.totalBytes - inner.freeBytes + freeBytes }
}

async function space(path: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

async function whyNoLoop(root: string, mounted: boolean): Promise<string | null> {
  if (process.geteuid?.() !== 0) return 'only root can mount an image'
  if (mounted) return 'another filesystem is mounted there'
  if ((await readdir(root)).some((name) => !name.startsWith(PROBE_PREFIX))) return 'it already holds data that an image would hide'
  if (!(await exists('/dev/loop-control'))) return 'there are no loop devices'
  return null
}

/** Only after a failure to make or mount it: nothing was ever written to it, and left in place it would count as data. */
async function removeUnusedImage(op: Op, dataDir: string): Promise<void> {
  await unmountPool(op, dataDir)
  await rm(imagePath(dataDir), { force: true })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
