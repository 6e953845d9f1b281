// An XFS filesystem in a sparse file, mounted over the pool's directory: reflink on a host whose own filesystem has none.

import { open, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../network/run.ts'
import type { Op } from '../../observe/op.ts'

const GIB = 2 ** 30

export const imagePath = (dataDir: string): string => join(dataDir, 'pool.xfs')

export interface Mount {
  readonly type: string
  readonly source: string
}

/** What is mounted exactly at `path` (absolute, without symbolic links); the topmost when several are stacked. */
export async function mountAt(path: string): Promise<Mount | null> {
  const text = await readFile('/proc/self/mountinfo', 'utf8')
  return parseMounts(text).findLast((mount) => mount.point === path) ?? null
}

/** Fields of proc_pid_mountinfo(5); the number of optional ones before ` - ` varies. */
export function parseMounts(text: string): (Mount & { point: string })[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const [type = '', source = ''] = after.split(' ')
      return { point: unescape(before.split(' ')[4] ?? ''), type, source: unescape(source) }
    })
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** Four fifths of what is free: the image is sparse, so this promises space without taking it. */
export async function defaultImageSize(dataDir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dataDir)
  return boundedSize(bavail * bsize)
}

export function boundedSize(freeBytes: number): number {
  const wanted = Math.floor((freeBytes * 0.8) / GIB) * GIB
  return Math.min(Math.max(wanted, 4 * GIB), 1024 * GIB)
}

/** A crash at any point leaves at most the temporary name, and that one is always begun afresh. */
export async function makeImage(op: Op, dataDir: string, sizeBytes: number): Promise<void> {
  const [image, half] = [imagePath(dataDir), `${imagePath(dataDir)}.new`]
  await rm(half, { force: true })
  try {
    const file = await open(half, 'wx', 0o600)
    try {
      await file.truncate(sizeBytes)
      await run(op, 'mkfs.xfs', ['-q', '-f', '-m', 'reflink=1', half])
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(half, image)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}

export async function mountImage(op: Op, dataDir: string, root: string): Promise<void> {
  // The disks in it are guests' data: nothing there may ever act as a program or a device of the host.
  await run(op, 'mount', ['-t', 'xfs', '-o', 'loop,noatime,discard,nodev,nosuid,noexec', imagePath(dataDir), root])
  const device = (await mountAt(root))?.source
  // Without direct I/O every page of a machine's memory file would be cached twice. Some filesystems cannot; that only costs memory.
  if (device) await run(op, 'losetup', ['--direct-io=on', device]).catch((error: Error) => op.log(error.message))
}

/** True when the mounted loop device is backed by this data directory's image and not by something else. */
export async function isOurs(mount: Mount, dataDir: string): Promise<boolean> {
  const name = /^\/dev\/(loop\d+)$/.exec(mount.source)?.[1]
  if (name === undefined) return false
  const backing = (await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')).trimEnd()
  const [one, other] = await Promise.all([backing, imagePath(dataDir)].map((path) => stat(path).catch(() => null)))
  return !!one && !!other && one.ino === other.ino && one.dev === other.dev
}

/** Detaches every loop device of the image; a mount with `loop` normally has done so itself. */
export async function detachImage(op: Op, dataDir: string): Promise<void> {
  const image = imagePath(dataDir)
  if ((await stat(image).catch(() => null)) === null) return
  const listed = await run(op, 'losetup', ['--noheadings', '--output', 'NAME', '--associated', image])
  for (const device of listed.split('\n').filter((line) => line !== '')) await run(op, 'losetup', ['--detach', device.trim()])
}
