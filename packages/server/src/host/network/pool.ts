// The slots of one instance while the daemon runs: made ahead, handed out, taken back. An index is in the hands of one
// operation at a time (Indices), and one of which anything is left on the host is not handed out again.

import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type Block, capacityOf, formatBlock, type Names, slotAddresses } from './addresses.ts'
import { Gate } from './gate.ts'
import { Indices } from './indices.ts'
import { slotDns, slotPolicy } from './rules.ts'
import { run } from './run.ts'
import { busyUids, listParts, makeSlot, NETNS_DIR, removeSlots } from './slot.ts'
import { Op } from '../../observe/op.ts'

/** Every index is in use: the caller's capacity problem, not a fault of the host. */
export class NoFreeSlotError extends Error {
  override readonly name = 'NoFreeSlotError'
  readonly code = 'no_free_slot'
}

export interface PoolSettings {
  readonly names: Names
  readonly block: Block
  readonly uidBase: number
  readonly spare: number
  readonly filesDir: string
  readonly hostHasIpv6: boolean
  readonly warn: (fields: object, text: string) => void
}

/** An instance has 4096 uids; the last two are the golden guest's and the shared group's. */
const MOST_SLOTS = 4094
/** Long enough to undo half a slot when the caller's own time is up. */
const CLEAN_UP_MS = 15_000

export class SlotPool {
  readonly #settings: PoolSettings
  readonly #indices: Indices
  /** Found on the host and not ours to use, until they are adopted or swept. */
  readonly #leftovers: Set<number>
  readonly #spares: number[] = []
  readonly #releasing = new Map<number, Promise<void>>()
  readonly #closing = new AbortController()
  readonly #gate = new Gate(2)
  #refilling: Promise<void> | null = null

  constructor(settings: PoolSettings, leftovers: Iterable<number>) {
    this.#settings = settings
    this.#indices = new Indices(Math.min(capacityOf(settings.block), MOST_SLOTS))
    this.#leftovers = new Set(leftovers)
  }

  /** Makes one slot and keeps it if a spare is wanted: the proof that this host can. A block full of slots is proof enough. */
  async tryOne(op: Op): Promise<void> {
    const index = await this.#make(op, true).catch((error: unknown) => {
      if (error instanceof NoFreeSlotError) return null
      throw error
    })
    if (index === null) return
    if (this.#settings.spare > 0) this.#keep(index)
    else await this.#discard(index)
  }

  async reserve(op: Op, internetAccess: boolean): Promise<number> {
    const spare = await this.#takeSpare()
    if (spare === null) {
      const made = await this.#make(op, internetAccess)
      this.#indices.mark(made, 'reserved')
      return made
    }
    if (internetAccess) return spare
    try {
      await this.#load(op, spare, slotPolicy(false))
      return spare
    } catch (error) {
      await this.#discard(spare)
      throw error
    }
  }

  /** False when there is nothing to adopt. */
  async adopt(op: Op, index: number, upstreams: readonly string[]): Promise<boolean> {
    const known = this.#indices.get(index)
    if (known !== undefined || !(index < this.#indices.capacity)) return known === 'reserved'
    const parts = await listParts(this.#settings.names)
    if (!parts.netns.has(index) || this.#indices.get(index) !== undefined) return false
    this.#indices.mark(index, 'reserved')
    this.#leftovers.delete(index)
    // The host's resolvers may have changed while no daemon looked; a slot that cannot take them keeps its old ones.
    await this.#load(op, index, slotDns(upstreams)).catch((error: unknown) =>
      this.#settings.warn({ error, index }, 'adopted slot keeps its old resolvers'),
    )
    return true
  }

  release(op: Op, index: number): Promise<void> {
    const state = this.#indices.get(index)
    const running = this.#releasing.get(index)
    if (running) return running
    // Spares and slots in the making belong to no machine: this is a release that came twice.
    if (!(index < this.#indices.capacity) || (state !== undefined && state !== 'reserved')) return Promise.resolve()
    const done = this.#remove(op, [index])
      .then((left) => {
        if (left.length > 0) throw new Error(`network slot ${index} could not be removed; it is swept later`)
      })
      .finally(() => this.#releasing.delete(index))
    this.#releasing.set(index, done)
    return done
  }

  async sweep(op: Op): Promise<number[]> {
    const parts = await listParts(this.#settings.names)
    const found = [...new Set([...parts.netns, ...parts.veths])]
    const doomed = found.filter((index) => this.#indices.get(index) === undefined)
    const left = await this.#remove(op, doomed)
    if (left.length > 0) this.#settings.warn({ left, log: op.lines }, 'some network slots could not be swept')
    return doomed.filter((index) => !left.includes(index)).toSorted((a, b) => a - b)
  }

  refill(op: Op): Promise<void> {
    this.#refilling ??= this.#refill(op).finally(() => {
      this.#refilling = null
    })
    return this.#refilling
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the network is closing'))
    await this.#refilling?.catch(() => {})
    using op = new Op('remove spare slots', { timeoutMs: CLEAN_UP_MS + 100 * this.#spares.length })
    await this.#remove(op, this.#spares.splice(0))
  }

  async #refill(op: Op): Promise<void> {
    using part = new Op('refill', { timeoutMs: op.remainingMs, signal: AbortSignal.any([op.signal, this.#closing.signal]) })
    while (this.#spares.length < this.#settings.spare) {
      part.throwIfDone()
      const index = await this.#make(part, true)
      this.#keep(index)
      // Starting a process blocks the event loop for a moment; whoever waits goes between two slots.
      await setImmediate()
    }
  }

  #keep(index: number): void {
    this.#indices.mark(index, 'spare')
    this.#spares.push(index)
  }

  async #takeSpare(): Promise<number | null> {
    for (let index = this.#spares.shift(); index !== undefined; index = this.#spares.shift()) {
      this.#indices.mark(index, 'reserved')
      const there = await access(join(NETNS_DIR, this.#settings.names.netns(index))).then(
        () => true,
        () => false,
      )
      if (there) return index
      await this.#discard(index)
    }
    return null
  }

  async #make(op: Op, internetAccess: boolean): Promise<number> {
    const { names, block, uidBase, filesDir, hostHasIpv6 } = this.#settings
    const busy = await busyUids(uidBase, this.#indices.capacity)
    const index = this.#indices.take((candidate) => this.#leftovers.has(candidate) || busy.has(uidBase + candidate))
    if (index === null) throw new NoFreeSlotError(`no network slot is free: ${formatBlock(block)} holds ${this.#indices.capacity}`)
    try {
      await this.#gate.pass(op, () =>
        makeSlot(op, {
          names,
          index,
          uid: uidBase + index,
          addresses: slotAddresses(block, index),
          internetAccess,
          filesDir,
          hostHasIpv6,
        }),
      )
      return index
    } catch (error) {
      await this.#discard(index)
      throw error
    }
  }

  async #discard(index: number): Promise<void> {
    using op = new Op('discard a slot', { timeoutMs: CLEAN_UP_MS })
    const left = await this.#remove(op, [index]).catch(() => [index])
    if (left.length > 0) this.#settings.warn({ index, log: op.lines }, 'half a network slot is left for the sweep')
  }

  /** Returns those of which something is left; they become leftovers. */
  async #remove(op: Op, indices: readonly number[]): Promise<number[]> {
    const ours = indices.filter((index) => index < this.#indices.capacity)
    for (const index of ours) this.#indices.mark(index, 'removing')
    for (const index of indices) this.#leftovers.add(index)
    try {
      const left = await removeSlots(op, this.#settings.names, indices)
      for (const index of indices) if (!left.includes(index)) this.#leftovers.delete(index)
      return left
    } finally {
      for (const index of ours) this.#indices.give(index)
    }
  }

  #load(op: Op, index: number, rules: string): Promise<string> {
    return run(op, 'ip', ['netns', 'exec', this.#settings.names.netns(index), 'nft', '-f', '-'], { input: rules })
  }
}
