// Fills a daemon's storage pool where that is a filesystem of its own. Nothing is written: the blocks are only taken.

import { readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { type Place, run } from './host.ts'

const MIB = 1024 * 1024

export class Ballast implements Disposable {
  readonly #pool: string
  readonly #files: string[] = []

  constructor({ dataDir }: Place) {
    this.#pool = join(dataDir, 'pool')
  }

  /** Else it is the host's own disk that would be filled. */
  get possible(): boolean {
    return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${this.#pool} `)
  }

  get freeMib(): number {
    const { bavail, bsize } = statfsSync(this.#pool)
    return Math.floor((bavail * bsize) / MIB)
  }

  /** Takes all but so many MiB; in pieces, since what is free by the count is not all to be had at once. */
  async fill(leaveMib: number): Promise<void> {
    for (let piece = this.freeMib - leaveMib; piece > 0; piece = Math.min(piece, this.freeMib - leaveMib)) {
      const file = join(this.#pool, `ballast-${this.#files.length}`)
      this.#files.push(file)
      const taken = await run('fallocate', ['-l', `${piece}MiB`, file]).then(
        () => true,
        () => false,
      )
      if (!taken) piece = Math.floor(piece / 2)
    }
  }

  /** The filesystem gives back in its own time what was removed. */
  async empty(): Promise<void> {
    const taken = this.#files.reduce((sum, file) => sum + statSync(file).size / MIB, 0)
    const before = this.freeMib
    this[Symbol.dispose]()
    await vi.waitFor(() => expect(this.freeMib).toBeGreaterThan(before + taken * 0.9), { timeout: 20_000, interval: 20 })
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0)) rmSync(file, { force: true })
  }
}
