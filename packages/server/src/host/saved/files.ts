// Directories of the pool. A machine's and a snapshot's are complete in themselves: what they share with others are hard
// links and reflinks, so the filesystem counts who needs what, and each goes with its directory.

import { chmod, chown, link, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskLayer } from '@nullspace/vmm/driver.ts'
import type { Op } from '../../observe/op.ts'
import type { StoragePool } from '../storage/storage.ts'

/** What a VM is restored from, and a machine's own disk. */
export interface BodyFiles {
  readonly dir: string
  /** Checksums of the memory that is not the template's; not there when all of it is. */
  readonly sums: string
  /** The file that the VM maps its memory from; never written by it. */
  readonly memory: string
  /** The only layer that is written. */
  readonly disk: string
  readonly base: string
  readonly rootfs: string
}

export interface SavedFiles extends BodyFiles {
  readonly state: string
  /** What its machine's VM mapped: the memory without what was its own. */
  readonly baseMemory: string
  /** Checksums of what its machine had of its own before, until they are added to `sums`. */
  readonly olderSums: string
  readonly manifest: string
}

export function bodyFiles(dir: string): BodyFiles {
  return {
    dir,
    sums: join(dir, 'sums'),
    memory: join(dir, 'memory'),
    disk: join(dir, 'disk.qcow2'),
    base: join(dir, 'base.qcow2'),
    rootfs: join(dir, 'rootfs.ext4'),
  }
}

export function savedFiles(dir: string): SavedFiles {
  return {
    ...bodyFiles(dir),
    state: join(dir, 'state'),
    baseMemory: join(dir, 'base-memory'),
    olderSums: join(dir, 'older-sums'),
    manifest: join(dir, 'manifest.json'),
  }
}

/** The layers below a machine's disk, nearest first. */
export function backingOf({ base, rootfs }: Pick<BodyFiles, 'base' | 'rootfs'>): DiskLayer[] {
  return [
    { file: base, format: 'layer' },
    { file: rootfs, format: 'raw' },
  ]
}

/** A fresh directory for a machine's VM, with a disk that begins as a copy of `disk`. */
export async function makeBody(
  op: Op,
  pool: StoragePool,
  to: BodyFiles,
  from: Pick<BodyFiles, 'memory' | 'disk' | 'base' | 'rootfs'> & Partial<Pick<BodyFiles, 'sums'>>,
): Promise<void> {
  await rm(to.dir, { recursive: true, force: true })
  await mkdir(to.dir, { recursive: true, mode: 0o711 })
  await pool.clone(op, from.disk, to.disk)
  await linkShared(to, from)
  if (from.sums !== undefined) await link(from.sums, to.sums)
}

/** What is never written again is the same file everywhere. */
export async function linkShared(to: BodyFiles, from: Pick<BodyFiles, 'memory' | 'base' | 'rootfs'>, memory = true): Promise<void> {
  if (memory) await link(from.memory, to.memory)
  await link(from.base, to.base)
  await link(from.rootfs, to.rootfs)
}

/** Of a snapshot that is being made: only root reads what was in a machine's memory. */
export async function makeSavedDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { mode: 0o700 })
}

/** A copy of a machine's file is the machine's user's at first, and that will be another machine's one day. */
export async function onlyRoot(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, 0, 0)
  await chmod(path, 0o600)
}

/** Bytes that the filesystem holds for it, shared blocks included. */
export async function allocatedBytes(path: string): Promise<number> {
  const info = await stat(path).catch(() => null)
  return info ? info.blocks * 512 : 0
}

export async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one, { bigint: true }), stat(other, { bigint: true })])
  return a.dev === b.dev && a.ino === b.ino
}

/** A template's memory is open to every machine's user; that of a snapshot to none. */
export async function isShared(memory: string): Promise<boolean> {
  return ((await stat(memory)).mode & 0o060) !== 0
}
