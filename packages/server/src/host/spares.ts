// Spare machines: restored, run in and stopped ahead of demand, so that a create is "go on, and be someone". Under
// emulation the first seconds of a guest are the slow ones, since its code has to be translated anew in every process;
// a spare has them behind it. It holds its VM, disk and slot under a name of its own, which its machine keeps.

import { randomBytes, randomUUID } from 'node:crypto'
import type { Held } from '@nullspace/vmm/driver.ts'
import type { HostRoom } from '../domain/admission.ts'
import type { Shape } from '../domain/machine.ts'
import type { Logger } from '../observe/logger.ts'
import { Op } from '../observe/op.ts'
import type { Guest } from './guest/guest.ts'
import type { Host, HostFacts, HostUsage, Identity, Known, Leftover, ShapeStatus, Staging, Start, TemplateFacts } from './host.ts'
import type { LocalHost } from './local-host.ts'
import type { EgressPolicy } from './network/network.ts'

export interface SparesDeps {
  readonly inner: LocalHost
  /** Kept per shape that is promised or was used lately; 0 = none. */
  readonly perShape: number
  readonly promised: readonly Shape[]
  /** Monotonic, ms. */
  readonly now?: () => number
  readonly log: Logger
}

interface Spare {
  /** Name of its VM, disk and slot. */
  readonly body: string
  readonly slot: number
  readonly shape: Shape
  /** Which snapshot of the shape it was made from. */
  readonly mark: number | null
  /** `dead`: its VM ended by itself; what is left of it is removed at the next refill. */
  state: 'making' | 'ready' | 'dead'
}

/** A shape that was not asked for in this long gets no spares. */
const LATELY_MS = 600_000
/** After a start, callers' first commands come; spares wait that long with the CPU they would take. */
const QUIET_MS = 1_500
const RETRY_AFTER_MS = 30_000
const REMOVE_TIMEOUT_MS = 15_000
/** Memory that stays free whatever spares there are, MiB, and what one may come to cost. */
const FREE_MEMORY_MB = 2_048
const SPARE_MEMORY_MB = 192
/** As a first command would: what runs here is translated when the machine's own begin. */
const RUN_IN: readonly (readonly string[])[] = [
  ['/bin/sh', '-c', 'true'],
  ['/bin/sh', '-c', 'true'],
]

export class SparingHost implements Host {
  readonly #deps: SparesDeps
  readonly #now: () => number
  readonly #spares = new Map<string, Spare>()
  /** Machine -> name of its body, where that is not its own id. */
  readonly #bodies = new Map<string, string>()
  readonly #usedAt = new Map<string, { readonly shape: Shape; readonly at: number }>()
  #lastStartAt = -Infinity
  #notBefore = -Infinity
  #closed = false

  constructor(deps: SparesDeps) {
    this.#deps = deps
    this.#now = deps.now ?? (() => performance.now())
  }

  async reserveSlot(op: Op, machineId: string, policy: EgressPolicy, start: Start): Promise<number> {
    this.#lastStartAt = this.#now()
    if (start.kind === 'snapshot') return this.#deps.inner.reserveSlot(op, machineId, policy)
    const { shape } = start
    this.#usedAt.set(keyOf(shape), { shape, at: this.#lastStartAt })
    const mark = policy.internetAccess ? await this.#deps.inner.snapshotMark(shape) : null
    const spare = this.#claimed(machineId) ?? (mark === null ? null : this.#claim(machineId, shape, mark))
    return spare ? spare.slot : this.#deps.inner.reserveSlot(op, machineId, policy)
  }
  async cloneDisk(op: Op, machineId: string, start: Start): Promise<void> {
    if (!this.#claimed(machineId)) await this.#deps.inner.cloneDisk(op, this.#body(machineId), start)
  }
  async startVm(op: Op, machineId: string, start: Start): Promise<string> {
    const { inner } = this.#deps
    const body = this.#body(machineId)
    const spare = this.#claimed(machineId)
    if (spare?.state === 'ready') {
      try {
        return await inner.unpark(op, body)
      } catch (error) {
        // It died while it waited: on its slot a fresh one starts as well.
        this.#deps.log.warn({ err: error, spare: body }, 'a spare machine could not be woken')
      }
    }
    if (spare) {
      this.#spares.delete(body)
      await inner.stopVm(op, body)
      await inner.cloneDisk(op, body, start)
    }
    return inner.startVm(op, body, start)
  }
  async greet(op: Op, machineId: string, identity: Identity, diskMb: number): Promise<void> {
    await this.#deps.inner.greet(op, this.#body(machineId), identity, diskMb)
    // From here on it is a machine like any other that happens to have another name below.
    this.#spares.delete(this.#body(machineId))
  }
  async stopVm(op: Op, machineId: string): Promise<void> {
    await this.#deps.inner.stopVm(op, this.#body(machineId))
  }
  async removeDisk(op: Op, machineId: string): Promise<void> {
    await this.#deps.inner.removeDisk(op, this.#body(machineId))
  }
  /** The last step of a take-down and of an undo: the machine's body is gone, its name is forgotten. */
  async releaseSlot(op: Op, machineId: string, slot: number | null): Promise<void> {
    const body = this.#body(machineId)
    await this.#deps.inner.releaseSlot(op, body, slot)
    this.#spares.delete(body)
    this.#bodies.delete(machineId)
  }

  prepareCapture(op: Op, machineId: string, snapshotId: string): Promise<void> {
    return this.#deps.inner.prepareCapture(op, this.#body(machineId), snapshotId)
  }
  capture(op: Op, machineId: string, snapshotId: string, afterwards: 'run' | 'stay'): Promise<void> {
    return this.#deps.inner.capture(op, this.#body(machineId), snapshotId, afterwards)
  }
  sealSnapshot(op: Op, snapshotId: string, facts: { shape: Shape; diskMb: number; durable: boolean }): Promise<number> {
    return this.#deps.inner.sealSnapshot(op, snapshotId, facts)
  }
  letGo(op: Op, machineId: string): Promise<void> {
    return this.#deps.inner.letGo(op, this.#body(machineId))
  }
  copySnapshot(op: Op, from: string, to: string): Promise<void> {
    return this.#deps.inner.copySnapshot(op, from, to)
  }
  dropSnapshot(op: Op, snapshotId: string): Promise<void> {
    return this.#deps.inner.dropSnapshot(op, snapshotId)
  }
  usage(machineId: string): Promise<HostUsage | null> {
    return this.#deps.inner.usage(this.#body(machineId))
  }

  guest(machineId: string): Guest | null {
    return this.#deps.inner.guest(this.#body(machineId))
  }
  held(machineId: string): Held | null {
    return this.#deps.inner.held(this.#body(machineId))
  }
  release(op: Op, machineId: string): Promise<void> {
    return this.#deps.inner.release(op, this.#body(machineId))
  }
  async adopt(op: Op, machine: { id: string; slot: number | null; handle: string }): Promise<boolean> {
    const body = bodyOf(machine.id, machine.handle)
    if (body !== machine.id) this.#bodies.set(machine.id, body)
    return this.#deps.inner.adopt(op, { ...machine, id: body })
  }
  learn(machines: readonly { readonly id: string; readonly handle: string }[]): void {
    for (const { id, handle } of machines) {
      const body = bodyOf(id, handle)
      if (body !== id) this.#bodies.set(id, body)
    }
  }
  onVmExit(listener: (machineId: string, reason: string) => void): void {
    this.#deps.inner.onVmExit((body, reason) => {
      const spare = this.#spares.get(body)
      const machineId = [...this.#bodies].find(([, name]) => name === body)?.[0]
      if (machineId !== undefined || !spare) listener(machineId ?? body, reason)
      else {
        this.#deps.log.warn({ spare: body, reason }, 'a spare machine died')
        spare.state = 'dead'
      }
    })
  }
  get staging(): Staging {
    return this.#deps.inner.staging
  }
  leftovers(known: () => Promise<Known>): Promise<Leftover[]> {
    return this.#deps.inner.leftovers(async () => this.#known(await known()))
  }
  sweep(op: Op, known: () => Promise<Known>): Promise<Leftover[]> {
    return this.#deps.inner.sweep(op, async () => this.#known(await known()))
  }

  /** One spare at most: the next call makes the next, if there is still nothing better to do. */
  async refill(op: Op): Promise<void> {
    await this.#deps.inner.refill(op)
    await this.#bury()
    const now = this.#now()
    if (this.#closed || now - this.#lastStartAt < QUIET_MS || now < this.#notBefore) return
    const missing = this.spares().find(({ shape, count, wanted }) => count < wanted && this.shapeStatus(shape).state === 'ready')
    if (!missing) return
    if ((await this.room()).freeMemoryMb < FREE_MEMORY_MB + SPARE_MEMORY_MB) return
    await this.#make(op, missing.shape)
  }

  spares(): { shape: Shape; count: number; wanted: number }[] {
    const now = this.#now()
    const lately = [...this.#usedAt.values()].filter(({ at }) => now - at < LATELY_MS).map(({ shape }) => shape)
    const shapes = new Map([...this.#deps.promised, ...lately].map((shape) => [keyOf(shape), shape]))
    return [...shapes.values()].map((shape) => ({ shape, count: this.#ready(shape).length, wanted: this.#deps.perShape }))
  }

  facts(): HostFacts {
    return this.#deps.inner.facts()
  }
  templates(): readonly TemplateFacts[] {
    return this.#deps.inner.templates()
  }
  shapeStatus(shape: Shape): ShapeStatus {
    return this.#deps.inner.shapeStatus(shape)
  }
  ensureShape(op: Op, shape: Shape): Promise<void> {
    return this.#deps.inner.ensureShape(op, shape)
  }
  room(): Promise<HostRoom> {
    return this.#deps.inner.room()
  }

  /** Spares end with the daemon: nobody was promised one. What a create has claimed is its machine's. */
  async close(op: Op): Promise<void> {
    this.#closed = true
    for (const spare of this.#unclaimed()) if (spare.state !== 'making') spare.state = 'dead'
    await this.#bury()
    await this.#deps.inner.close(op)
  }

  /** Removes what is left of the dead, and of those whose snapshot is not the present one any more. */
  async #bury(): Promise<void> {
    const { inner, log } = this.#deps
    for (const spare of this.#unclaimed()) {
      if (spare.state === 'ready' && spare.mark !== (await inner.snapshotMark(spare.shape))) spare.state = 'dead'
      if (spare.state !== 'dead') continue
      // Under a time of its own: often it is dead because another's was up.
      using op = new Op(`remove ${spare.body}`, { timeoutMs: REMOVE_TIMEOUT_MS })
      await this.#remove(op, spare.body).catch((error: unknown) =>
        log.warn({ err: error, spare: spare.body }, 'a dead spare is still in the way'),
      )
    }
  }

  #unclaimed(): Spare[] {
    const claimed = new Set(this.#bodies.values())
    return [...this.#spares.values()].filter(({ body }) => !claimed.has(body))
  }

  async #make(op: Op, shape: Shape): Promise<void> {
    const { inner, log } = this.#deps
    const body = `spare-${randomUUID().slice(0, 13)}`
    try {
      const mark = await inner.snapshotMark(shape)
      const spare: Spare = { body, shape, mark, state: 'making', slot: await inner.reserveSlot(op, body, { internetAccess: true }) }
      this.#spares.set(body, spare)
      await inner.cloneDisk(op, body, { kind: 'template', shape })
      await inner.startVm(op, body, { kind: 'template', shape })
      await inner.greet(op, body, { kind: 'new', hostname: 'spare', machineId: randomBytes(16), disconnect: false }, 0)
      const guest = inner.guest(body)
      for (const argv of RUN_IN) await guest?.exec(op, { argv, env: {}, cwd: '/', user: '', timeoutMs: 20_000, outputLimit: 1024 })
      await inner.park(op, body)
      spare.state = 'ready'
    } catch (error) {
      log.warn({ err: error, shape, op: op.lines }, 'a spare machine could not be made')
      this.#notBefore = this.#now() + RETRY_AFTER_MS
      const spare = this.#spares.get(body)
      if (spare) spare.state = 'dead'
      await this.#bury()
    }
  }

  async #remove(op: Op, body: string): Promise<void> {
    const { inner } = this.#deps
    await inner.stopVm(op, body)
    await inner.removeDisk(op, body)
    await inner.releaseSlot(op, body, null)
    this.#spares.delete(body)
  }

  #claim(machineId: string, shape: Shape, mark: number): Spare | null {
    const spare = this.#ready(shape).find((one) => one.mark === mark) ?? null
    if (spare) this.#bodies.set(machineId, spare.body)
    return spare
  }

  /** The spare that this machine got and has not been greeted in yet. */
  #claimed(machineId: string): Spare | null {
    return this.#spares.get(this.#body(machineId)) ?? null
  }

  #ready(shape: Shape): Spare[] {
    return this.#unclaimed().filter((spare) => spare.state === 'ready' && keyOf(spare.shape) === keyOf(shape))
  }

  /** By the names that things have below, spares included. */
  #known({ machines, ...others }: Known): Known {
    const bodies = new Map([...machines].map(([id, handle]) => [handle === null ? this.#body(id) : bodyOf(id, handle), handle]))
    for (const body of this.#spares.keys()) bodies.set(body, null)
    return { ...others, machines: bodies }
  }

  #body(machineId: string): string {
    return this.#bodies.get(machineId) ?? machineId
  }
}

function bodyOf(machineId: string, handle: string): string {
  const { id } = JSON.parse(handle) as { id?: unknown }
  return typeof id === 'string' ? id : machineId
}

function keyOf({ template, vcpus, memoryMb }: Shape): string {
  return JSON.stringify([template, vcpus, memoryMb])
}
