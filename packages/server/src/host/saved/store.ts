// Snapshots on the pool: made under a name that says so, sealed, checked at every use, removed.

import { existsSync } from 'node:fs'
import { link, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '@nullspace/contract/errors.ts'
import type { DriverInfo } from '@nullspace/vmm/driver.ts'
import { readOwnBytes, verifyMemory } from '@nullspace/vmm/memory-sums.ts'
import { addOlderSums } from '@nullspace/vmm/merge-sums.ts'
import type { Shape } from '../../domain/machine.ts'
import type { Op } from '../../observe/op.ts'
import { syncAll } from './sync.ts'
import type { StoragePool } from '../storage/storage.ts'
import { allocatedBytes, type BodyFiles, linkShared, makeSavedDir, onlyRoot, type SavedFiles, savedFiles } from './files.ts'
import { changedFiles, marksOf, readManifest, writeManifest } from './manifest.ts'

export interface SnapshotStoreDeps {
  readonly pool: StoragePool
  readonly info: DriverInfo
  readonly release: string
}

const PARTIAL = '.partial'
/**
 * A snapshot with less memory of its own than this is restored by laying that over the file its machine mapped. That file is
 * in the page cache, in use by siblings; the snapshot's own copy is not, and a child would wait for the disk at every
 * page it touches. With more, each child's copy of it would take more memory than the shared file does.
 */
const MOST_LAID_BYTES = 48 * 1024 * 1024

/** The snapshot that a directory's name is about. */
export const snapshotOf = (name: string): string => name.replace(PARTIAL, '')

export interface OpenedSnapshot extends SavedFiles {
  /** Whether it is to be restored by laying its own pages over `baseMemory`, rather than by mapping `memory`. */
  readonly layOver: boolean
}

export class SnapshotStore {
  readonly #deps: SnapshotStoreDeps
  /** Those whose contents were read and found whole, or were written, in this life of the daemon. */
  readonly #known = new Set<string>()

  constructor(deps: SnapshotStoreDeps) {
    this.#deps = deps
  }

  get root(): string {
    return join(this.#deps.pool.root, 'snapshots')
  }

  /** A directory with a copy of the memory that the body's VM maps, for a capture to write to. */
  async prepare(op: Op, id: string, body: BodyFiles): Promise<SavedFiles> {
    const files = this.#partial(id)
    await makeSavedDir(files.dir)
    await this.#deps.pool.clone(op, body.memory, files.memory)
    await onlyRoot(files.memory)
    await linkShared(files, body, false)
    await link(body.memory, files.baseMemory)
    if (existsSync(body.sums)) await link(body.sums, files.olderSums)
    return files
  }

  /** Where prepare() put it. */
  inProgress(id: string): SavedFiles {
    return this.#partial(id)
  }

  async copy(op: Op, from: string, to: string): Promise<void> {
    const source = await this.open(op, from)
    const files = this.#partial(to)
    await makeSavedDir(files.dir)
    await linkShared(files, source)
    await link(source.baseMemory, files.baseMemory)
    // Frozen since it was captured, like everything else in there; machines work on copies.
    for (const name of ['disk', 'state', 'sums'] as const) await this.#deps.pool.clone(op, source[name], files[name])
  }

  /** Returns the bytes that it keeps for itself. Sealed twice is sealed once. */
  async seal(id: string, { shape, diskMb, durable }: { shape: Shape; diskMb: number; durable: boolean }): Promise<number> {
    const partial = this.#partial(id)
    const final = this.#final(id)
    if (await readManifest(final.manifest)) return this.#ownBytes(final)
    for (const name of ['disk', 'state', 'sums'] as const) await onlyRoot(partial[name])
    if (existsSync(partial.olderSums)) await addOlderSums(partial.sums, partial.olderSums)
    await rm(partial.olderSums, { force: true })
    await writeManifest(partial.manifest, {
      written_by: this.#deps.release,
      snapshot: id,
      vcpus: shape.vcpus,
      memory_mb: shape.memoryMb,
      disk_mb: diskMb,
      compatibility: { ...this.#deps.info.compatibility },
      marks: await marksOf(partial),
    })
    if (durable) await syncAll([partial.memory, partial.disk, partial.state, partial.sums, partial.manifest, partial.dir])
    await rename(partial.dir, final.dir)
    if (durable) await syncAll([this.root])
    this.#known.add(id)
    return this.#ownBytes(final)
  }

  /** The files of a sealed snapshot, after looking whether they can be restored here. Rejects with a code for the caller. */
  async open(op: Op, id: string): Promise<OpenedSnapshot> {
    const files = this.#final(id)
    const manifest = await readManifest(files.manifest)
    if (!manifest || manifest.snapshot !== id) throw unusable('it is missing, or of a form that this release does not read')
    for (const [key, value] of Object.entries(this.#deps.info.compatibility)) {
      if (manifest.compatibility[key] !== value) {
        throw new AppError('incompatible_snapshot', {
          say: `The saved state was taken with ${key} ${manifest.compatibility[key] ?? 'unknown'}, and this host has ${value}.`,
        })
      }
    }
    const changed = await changedFiles(files, manifest)
    // A template's memory that something wrote to is of no more use; what the snapshot has of it is a copy from before.
    const baseChanged = changed.includes('baseMemory')
    if (changed.some((name) => name !== 'baseMemory'))
      throw unusable(`${changed.filter((name) => name !== 'baseMemory').join(', ')} was changed or cut after it was saved`)
    if (!this.#known.has(id)) {
      await verifyMemory(op, files.memory, files.sums).catch((error: unknown) => {
        throw unusable('its memory is not what was saved', error)
      })
      this.#known.add(id)
    }
    return { ...files, layOver: !baseChanged && (await readOwnBytes(files.sums)) <= MOST_LAID_BYTES }
  }

  /** Files that were lent for a start when an earlier daemon died. */
  async takeBack(): Promise<void> {
    if (process.getuid?.() !== 0) return
    for (const name of await readdir(this.root)) {
      const { memory } = savedFiles(join(this.root, name))
      const info = await stat(memory).catch(() => null)
      if (info && info.uid !== 0) await onlyRoot(memory)
    }
  }

  async drop(id: string): Promise<void> {
    this.#known.delete(id)
    for (const { dir } of [this.#partial(id), this.#final(id)]) await rm(dir, { recursive: true, force: true })
  }

  /** Of any directory of a snapshot, finished or not. */
  async bytesOf(name: string): Promise<number> {
    const files = savedFiles(join(this.root, name))
    return (await allocatedBytes(files.disk)) + (await readOwnBytes(files.sums).catch(() => 0))
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.root, name), { recursive: true, force: true })
  }

  async #ownBytes(files: SavedFiles): Promise<number> {
    const parts = await Promise.all([allocatedBytes(files.disk), allocatedBytes(files.state), allocatedBytes(files.sums)])
    return parts.reduce((sum, part) => sum + part, await readOwnBytes(files.sums))
  }

  #partial(id: string): SavedFiles {
    return savedFiles(join(this.root, `${id}${PARTIAL}`))
  }
  #final(id: string): SavedFiles {
    return savedFiles(join(this.root, id))
  }
}

function unusable(why: string, cause?: unknown): AppError {
  return new AppError('rebuild_required', { say: `The saved state cannot be restored: ${why}.`, cause })
}
