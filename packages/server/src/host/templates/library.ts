// The templates of this host and their shapes: which golden snapshots are there, and building those that are not.

import { AppError } from '@nullspace/contract/errors.ts'
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Driver, DriverInfo } from '@nullspace/vmm/driver.ts'
import type { Shape } from '../../domain/machine.ts'
import type { Logger } from '../../observe/logger.ts'
import { Op } from '../../observe/op.ts'
import type { ShapeStatus, TemplateFacts } from '../host.ts'
import { buildGolden } from './build-golden.ts'
import { type GoldenFiles, goldenFiles, memoryUnchanged, whyStale } from './golden.ts'
import type { GuestImage } from './image.ts'
import { readManifest } from './manifest.ts'
import { copySparse } from './copy-sparse.ts'

export interface LibraryDeps {
  readonly driver: Driver
  readonly info: DriverInfo
  /** Of the pool. */
  readonly root: string
  readonly runRoot: string
  readonly readImage: () => Promise<GuestImage | null>
  readonly uid: number
  readonly gid: number
  readonly release: string
  readonly promised: readonly Shape[]
  readonly log: Logger
}

const BASE = 'base'
const BUILD_TIMEOUT_MS = 300_000
const MIB = 1024 * 1024
/** Kept besides the promised ones. Machines that run on one that is removed have its files open. */
const MOST_OTHER_SHAPES = 12

export class TemplateLibrary {
  readonly #deps: LibraryDeps
  readonly #ready = new Map<string, { readonly shape: Shape; readonly files: GoldenFiles; usedAt: number }>()
  readonly #building = new Map<string, Promise<GoldenFiles>>()
  readonly #generations = new Map<string, number>()
  readonly #failed = new Map<string, string>()
  #image: GuestImage | null = null
  #diskMb = 0
  #lastBuild: Promise<unknown> = Promise.resolve()

  constructor(deps: LibraryDeps) {
    this.#deps = deps
  }

  /**
   * Takes up the image there is now: copies its root filesystem to the pool, and drops what was half-built or made from
   * another image. Machines that still run on such files have them open.
   */
  async load(op: Op): Promise<void> {
    this.#image = await this.#deps.readImage()
    this.#ready.clear()
    if (!this.#image) return
    const templates = dirname(this.#imageDir())
    for (const name of await readdir(templates)) {
      if (join(templates, name) !== this.#imageDir()) await rm(join(templates, name), { recursive: true, force: true })
    }
    await mkdir(this.#shapesDir(), { recursive: true, mode: 0o711 })
    for (const name of await readdir(this.#shapesDir())) {
      if (name.includes('.building-')) await rm(join(this.#shapesDir(), name), { recursive: true, force: true })
    }
    await this.#takeBase(op, this.#image)
    await this.#recognise(this.#image)
    this.#diskMb = Math.round((await stat(this.#base())).size / MIB)
  }

  facts(): TemplateFacts[] {
    if (!this.#image) return []
    return [
      {
        name: BASE,
        description: 'Debian 12 with Python 3, git, curl and the usual small tools',
        diskMb: this.#diskMb,
        readyShapes: [...this.#ready.values()].map(({ shape }) => shape),
      },
    ]
  }

  /** Of a root disk as the template has it. */
  diskMb(): number {
    return this.#diskMb
  }

  status(shape: Shape): ShapeStatus {
    const key = keyOf(shape)
    if (this.#ready.has(key)) return { shape, state: 'ready' }
    if (this.#building.has(key)) return { shape, state: 'building' }
    const detail = this.#failed.get(key)
    return detail === undefined ? { shape, state: 'absent' } : { shape, state: 'failed', detail }
  }

  /** The shape's snapshot, built on first demand and shared by all who ask meanwhile. */
  async ensure(op: Op, shape: Shape): Promise<GoldenFiles & { readonly rootfs: string }> {
    const key = keyOf(shape)
    const ready = this.#ready.get(key)
    if (ready && (await this.intact(shape))) {
      ready.usedAt = performance.now()
      return { ...ready.files, rootfs: this.#base() }
    }
    this.#ready.delete(key)
    const image = this.#image
    if (!image) throw new AppError('template_not_ready', { say: 'The guest image of template base has not been built on this host yet.' })
    let build = this.#building.get(key)
    if (!build) {
      // One at a time: two cold boots on a small host take longer than one after the other.
      build = this.#lastBuild.then(() => this.#find(image, shape)).finally(() => this.#building.delete(key))
      this.#building.set(key, build)
      this.#lastBuild = build.catch(() => {})
    }
    return { ...(await op.race(build)), rootfs: this.#base() }
  }

  /** Whether a golden snapshot is being built now. */
  busy(): boolean {
    return this.#building.size > 0
  }

  /** Whether the shape's snapshot is ready and nothing wrote to its memory since it was sealed. */
  async intact(shape: Shape): Promise<boolean> {
    const files = this.#ready.get(keyOf(shape))?.files
    const manifest = files && (await readManifest(files.manifest).catch(() => null))
    return manifest ? memoryUnchanged(files, manifest) : false
  }

  /** Counts the snapshots that a shape had: what was made from an earlier one is not to be trusted like the present. */
  generation(shape: Shape): number {
    return this.#generations.get(keyOf(shape)) ?? 0
  }

  async #find(image: GuestImage, shape: Shape): Promise<GoldenFiles> {
    const { info, log } = this.#deps
    const key = keyOf(shape)
    const files = goldenFiles(join(this.#shapesDir(), key))
    try {
      const stale = await whyStale(files, { image: image.hash, driver: info })
      if (stale) {
        log.info({ shape: key, because: stale }, 'building a golden snapshot')
        using op = new Op(`build ${key}`, { timeoutMs: BUILD_TIMEOUT_MS })
        await rm(files.dir, { recursive: true, force: true })
        await buildGolden(op, {
          ...this.#deps,
          image,
          base: this.#base(),
          shape,
          dir: files.dir,
          runDir: join(this.#deps.runRoot, 'golden'),
          writtenBy: this.#deps.release,
        })
        log.info({ shape: key, ms: Math.round(op.elapsedMs), op: op.lines }, 'golden snapshot built')
      }
      this.#ready.set(key, { shape, files, usedAt: performance.now() })
      await this.#trim()
      this.#generations.set(key, (this.#generations.get(key) ?? 0) + 1)
      this.#failed.delete(key)
      return files
    } catch (error) {
      this.#failed.set(key, error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  /** Snapshots that an earlier life of the daemon made and that can still be restored. */
  async #recognise(image: GuestImage): Promise<void> {
    for (const name of await readdir(this.#shapesDir())) {
      const [, vcpus, memoryMb] = /^(\d+)x(\d+)$/.exec(name) ?? []
      const files = goldenFiles(join(this.#shapesDir(), name))
      if (!vcpus || !memoryMb || (await whyStale(files, { image: image.hash, driver: this.#deps.info }))) continue
      const shape = { template: BASE, vcpus: Number(vcpus), memoryMb: Number(memoryMb) }
      this.#ready.set(name, { shape, files, usedAt: performance.now() })
      this.#generations.set(name, 1)
    }
  }

  /** Anybody may ask for any size, and each costs a file of it: those not used for longest give way. */
  async #trim(): Promise<void> {
    const promised = new Set(this.#deps.promised.map(keyOf))
    const others = [...this.#ready].filter(([key]) => !promised.has(key)).toSorted(([, a], [, b]) => b.usedAt - a.usedAt)
    for (const [key, { files }] of others.slice(MOST_OTHER_SHAPES)) {
      this.#ready.delete(key)
      await rm(files.dir, { recursive: true, force: true })
      this.#deps.log.info({ shape: key }, 'a shape that was not used for long is gone; the next demand builds it anew')
    }
  }

  async #takeBase(op: Op, image: GuestImage): Promise<void> {
    const base = this.#base()
    if (await stat(base).catch(() => null)) return
    op.log('copying the root filesystem to the pool')
    const partial = `${base}.partial`
    await rm(partial, { force: true })
    await copySparse(op, image.rootfs, partial)
    await chmod(partial, 0o644)
    await rename(partial, base)
  }

  #imageDir(): string {
    if (!this.#image) throw new Error('no image')
    return join(this.#deps.root, 'templates', BASE, this.#image.hash.slice(0, 16))
  }
  #base(): string {
    return join(this.#imageDir(), 'rootfs.ext4')
  }
  #shapesDir(): string {
    return join(this.#imageDir(), 'shapes')
  }
}

function keyOf(shape: Shape): string {
  return `${shape.vcpus}x${shape.memoryMb}`
}
