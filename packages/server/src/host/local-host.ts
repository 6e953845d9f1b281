// This machine as a Host: driver, storage pool, network slots and templates put together. Every step goes by the
// machine's id, so it is harmless twice and can be undone by a daemon that remembers nothing.

import { AppError } from '@nullspace/contract/errors.ts'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, rm } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Driver, DriverInfo, Held, Vm, VmHandle } from '@nullspace/vmm/driver.ts'
import type { HostRoom } from '../domain/admission.ts'
import type { Shape } from '../domain/machine.ts'
import type { Logger } from '../observe/logger.ts'
import type { Op } from '../observe/op.ts'
import { GuestClient } from './guest/client.ts'
import type { Guest } from './guest/guest.ts'
import { OutputBudget } from './guest/output-budget.ts'
import { findLeftovers, removeLeftover } from './leftovers.ts'
import type { Host, HostFacts, HostUsage, Identity, Known, Leftover, ShapeStatus, Staging, Start, TemplateFacts } from './host.ts'
import type { EgressPolicy, Network, Slot } from './network/network.ts'
import { captureBody } from './saved/capture.ts'
import { allocatedBytes, backingOf, type BodyFiles, bodyFiles, isShared, makeBody, sameFile } from './saved/files.ts'
import type { SnapshotStore } from './saved/store.ts'
import { stagingIn } from './staging.ts'
import type { StoragePool } from './storage/storage.ts'
import type { TemplateLibrary } from './templates/library.ts'

export interface LocalHostDeps {
  readonly driver: Driver
  readonly info: DriverInfo
  readonly pool: StoragePool
  readonly network: Network
  readonly library: TemplateLibrary
  readonly snapshots: SnapshotStore
  /** Short directory for sockets; gone after a reboot, as the VMs are. */
  readonly runRoot: string
  readonly gid: number
  /** Available memory, bytes; injected for tests. */
  readonly freeMemory?: () => number
  readonly totalMemory?: () => number
  /** For metrics: how long a machine stood still, and for how much. */
  readonly onCapture?: (captured: { ownBytes: number; stoppedMs: number }) => void
  readonly log: Logger
}

interface Running {
  readonly vm: Vm
  readonly guest: GuestClient
  /** Set before we end it ourselves, so that its exit is no surprise. */
  stopping: boolean
}

const MIB = 1024 * 1024
/** Of the guest protocol: agents before it take no renewal that keeps a machine what it is. */
const FIRST_SAVED_GENERATION = 2
const GENERATION_TIMEOUT_MS = 1_000
/** Output of running commands that the daemon holds at most, bytes. */
const MOST_OUTPUT_BYTES = 256 * MIB
/** From the loss of a VM’s control connection to the news that it ended. */
const ENDS_WITHIN_MS = 5_000

/** The same without spares: those are made from it, in spares.ts. */
export class LocalHost implements Omit<Host, 'spares' | 'learn'> {
  readonly #deps: LocalHostDeps
  readonly #slots = new Map<string, Slot>()
  readonly #running = new Map<string, Running>()
  readonly #output = new OutputBudget(MOST_OUTPUT_BYTES)
  readonly staging: Staging
  #onExit: (machineId: string, reason: string) => void = () => {}

  constructor(deps: LocalHostDeps) {
    this.#deps = deps
    this.staging = stagingIn(join(deps.pool.root, 'uploads'))
  }

  facts(): HostFacts {
    const { info, pool, network } = this.#deps
    return {
      driver: info.name,
      driverVersion: info.version,
      accelerator: info.features.accelerator,
      acceleratorReason: info.acceleratorReason,
      storage: { kind: pool.kind, reason: pool.reason },
      network: network.kind,
    }
  }
  templates(): readonly TemplateFacts[] {
    return this.#deps.library.facts()
  }
  shapeStatus(shape: Shape): ShapeStatus {
    return this.#deps.library.status(shape)
  }
  async ensureShape(op: Op, shape: Shape): Promise<void> {
    await this.#deps.library.ensure(op, shape)
  }

  async reserveSlot(op: Op, machineId: string, policy: EgressPolicy): Promise<number> {
    const slot = this.#slots.get(machineId) ?? (await this.#deps.network.reserve(op, policy))
    this.#slots.set(machineId, slot)
    return slot.index
  }

  async releaseSlot(op: Op, machineId: string, index: number | null): Promise<void> {
    const slot = this.#slots.get(machineId)?.index ?? index
    // A slot that only a dead daemon knew of is not ours to name; sweep() finds it. One that another machine has by now
    // was released by an earlier try.
    if (slot === null || [...this.#slots].some(([id, other]) => id !== machineId && other.index === slot)) return
    await this.#deps.network.release(op, slot)
    this.#slots.delete(machineId)
  }

  async cloneDisk(op: Op, machineId: string, start: Start): Promise<void> {
    const { uid } = this.#slot(machineId)
    const body = this.#body(machineId)
    if (start.kind === 'snapshot') {
      const saved = await this.#deps.snapshots.open(op, start.id)
      // With its own pages laid over, all of that is the VM's own again, and what it is saved with next time.
      const { sums: _, ...mapped } = saved
      await makeBody(op, this.#deps.pool, body, saved.layOver ? { ...mapped, memory: saved.baseMemory } : saved)
    } else {
      const golden = await this.#deps.library.ensure(op, start.shape)
      await makeBody(op, this.#deps.pool, body, { ...golden, disk: golden.blank, base: golden.disk })
    }
    // The file, not the directory: a hypervisor that a guest took over can put nothing beside it.
    if (process.getuid?.() === 0) await chown(body.disk, uid, this.#deps.gid)
  }

  async removeDisk(_op: Op, machineId: string): Promise<void> {
    await rm(this.#body(machineId).dir, { recursive: true, force: true })
  }

  async startVm(op: Op, machineId: string, start: Start): Promise<string> {
    await this.stopVm(op, machineId)
    const { snapshots, library, driver, gid } = this.#deps
    const saved = start.kind === 'snapshot' ? await snapshots.open(op, start.id) : await library.ensure(op, start.shape)
    const { uid, link } = this.#slot(machineId)
    const body = this.#body(machineId)
    const overlay = 'baseMemory' in saved && (await sameFile(body.memory, saved.baseMemory))
    if (overlay && !saved.layOver) {
      throw new AppError('no_eligible_runtime_host', { say: 'The template’s memory was changed just now; repeat the request.' })
    }
    const vm = await driver.restore(op, {
      id: machineId,
      dir: this.#vmDir(machineId),
      uid,
      gid,
      vcpus: start.shape.vcpus,
      memoryMb: start.shape.memoryMb,
      disk: body.disk,
      backing: backingOf(body),
      network: link,
      memoryFile: body.memory,
      memoryAccess: (await isShared(body.memory)) ? 'shared' : 'private',
      stateFile: saved.state,
      ...(overlay ? { overlay: { memoryFile: saved.memory, sumsFile: saved.sums } } : {}),
    })
    this.#take(machineId, vm)
    return JSON.stringify(vm.handle)
  }

  async stopVm(op: Op, machineId: string): Promise<void> {
    const running = this.#running.get(machineId)
    if (running) {
      running.stopping = true
      running.guest.close()
      await running.vm.kill(op)
      this.#running.delete(machineId)
    }
    // The directory is made before anything else of a VM and removed after it. Without one there is nothing to look for,
    // and looking is a walk through every process of the host, at each start and each end of a machine.
    const dir = this.#vmDir(machineId)
    if (existsSync(dir)) await this.#deps.driver.sweep(op, { id: machineId, dir })
  }

  async greet(op: Op, machineId: string, identity: Identity, diskMb: number): Promise<void> {
    const { vm, guest } = this.#theRunning(machineId)
    const gone = vm.exited.then(({ reason }) => Promise.reject(new Error(`the VM ended before its guest answered: ${reason}`)))
    gone.catch(() => {})
    await Promise.race([guest.renew(op, { ...identity, seed: randomBytes(64) }), gone])
    // One that goes on, or comes from memory, has grown already.
    if (identity.kind === 'new' && !identity.disconnect && diskMb > this.#deps.library.diskMb()) {
      await vm.resizeDisk(op, diskMb * MIB)
      await guest.growDisk(op, diskMb * MIB)
    }
  }

  async prepareCapture(op: Op, machineId: string, snapshotId: string): Promise<void> {
    const body = this.#body(machineId)
    if (!existsSync(body.memory)) {
      throw new AppError('rebuild_required', {
        say: `Machine ${machineId} was made by an earlier release; it cannot be saved. Create it anew.`,
      })
    }
    const generation = await this.#theRunning(machineId)
      .guest.generation(op.child('ask its agent', GENERATION_TIMEOUT_MS))
      .catch(() => null)
    if (generation !== null && generation < FIRST_SAVED_GENERATION) {
      throw new AppError('rebuild_required', {
        say: `The agent in machine ${machineId} is of an earlier release and could not go on after a pause. Rebuild the guest image, then create the machine anew.`,
      })
    }
    await this.#deps.snapshots.prepare(op, snapshotId, body)
  }

  async capture(op: Op, machineId: string, snapshotId: string, afterwards: 'run' | 'stay'): Promise<void> {
    const { vm, guest } = this.#theRunning(machineId)
    const { pool, snapshots, log, onCapture } = this.#deps
    const { disk } = this.#body(machineId)
    const captured = await captureBody(op, { vm, guest, pool, disk, files: snapshots.inProgress(snapshotId), afterwards })
    log.debug({ machine: machineId, snapshot: snapshotId, ...captured }, 'captured')
    onCapture?.(captured)
  }

  sealSnapshot(_op: Op, snapshotId: string, facts: { shape: Shape; diskMb: number; durable: boolean }): Promise<number> {
    return this.#deps.snapshots.seal(snapshotId, facts)
  }

  async letGo(op: Op, machineId: string): Promise<void> {
    const running = this.#running.get(machineId)
    if (!running) {
      // One that could not be taken over yet may stand still: this is to be tried again when it was.
      const alive = existsSync(this.#vmDir(machineId)) && (await this.#deps.driver.list(this.#deps.runRoot)).includes(machineId)
      if (alive) throw new Error(`the VM of ${machineId} is not taken over yet`)
      return
    }
    // It may be its death that made this necessary, and that is known a moment later.
    await running.vm.resume(op).catch(async (error: unknown) => {
      await op
        .child('whether it ended', ENDS_WITHIN_MS)
        .race(running.vm.exited)
        .catch(() => Promise.reject(error))
    })
    running.guest.thaw()
  }

  copySnapshot(op: Op, from: string, to: string): Promise<void> {
    return this.#deps.snapshots.copy(op, from, to)
  }
  async dropSnapshot(_op: Op, snapshotId: string): Promise<void> {
    await this.#deps.snapshots.drop(snapshotId)
  }

  async usage(machineId: string): Promise<HostUsage | null> {
    const usage = await this.#running.get(machineId)?.vm.usage()
    return usage ? { ...usage, diskBytes: await allocatedBytes(this.#body(machineId).disk) } : null
  }

  async snapshotMark(shape: Shape): Promise<number | null> {
    return (await this.#deps.library.intact(shape)) ? this.#deps.library.generation(shape) : null
  }

  /** Stops a greeted machine's vCPUs with nothing half-sent: it costs no CPU until unpark(). */
  async park(op: Op, machineId: string): Promise<void> {
    const running = this.#theRunning(machineId)
    await running.guest.quiesce(op)
    running.guest.close()
    await running.vm.pause(op)
  }

  /** Lets it run on, and returns its handle as JSON. It is to be greeted again: its clock stood still. */
  async unpark(op: Op, machineId: string): Promise<string> {
    const running = this.#theRunning(machineId)
    await running.vm.resume(op)
    return JSON.stringify(running.vm.handle)
  }

  held(machineId: string): Held | null {
    return this.#running.get(machineId)?.vm.held ?? null
  }
  async release(op: Op, machineId: string): Promise<void> {
    await this.#running.get(machineId)?.vm.resume(op)
  }

  guest(machineId: string): Guest | null {
    return this.#running.get(machineId)?.guest ?? null
  }

  async adopt(op: Op, machine: { id: string; slot: number | null; handle: string }): Promise<boolean> {
    // The slot first: while it is not known whether the VM still runs, its network must not be swept.
    const slot = machine.slot === null ? null : await this.#deps.network.adopt(op, machine.slot)
    if (slot) this.#slots.set(machine.id, slot)
    const vm = await this.#deps.driver.adopt(op, JSON.parse(machine.handle) as VmHandle)
    if (vm) this.#take(machine.id, vm)
    return vm !== null
  }

  onVmExit(listener: (machineId: string, reason: string) => void): void {
    this.#onExit = listener
  }

  leftovers(known: () => Promise<Known>): Promise<Leftover[]> {
    return findLeftovers(this.#places(), known)
  }

  async sweep(op: Op, known: () => Promise<Known>): Promise<Leftover[]> {
    const swept: Leftover[] = []
    for (const leftover of await this.leftovers(known)) {
      // One that will not go must not keep the others, or the daemon's start, waiting for it.
      try {
        await removeLeftover(op, this.#places(), leftover)
        swept.push(leftover)
      } catch (error) {
        this.#deps.log.error({ err: error, ...leftover }, 'a leftover could not be removed; the next start tries again')
      }
    }
    for (const index of await this.#deps.network.sweep(op)) {
      swept.push({ kind: 'slot', name: String(index), bytes: 0, reason: 'no machine has this network slot' })
    }
    return swept
  }

  async room(): Promise<HostRoom> {
    const { freeBytes } = await this.#deps.pool.free()
    return {
      freeMemoryMb: (this.#deps.freeMemory ?? freemem)() / MIB,
      freeDiskMb: freeBytes / MIB,
      totalMemoryMb: (this.#deps.totalMemory ?? totalmem)() / MIB,
    }
  }

  async refill(op: Op): Promise<void> {
    await this.#deps.network.refill(op)
  }

  async close(_op: Op): Promise<void> {
    for (const { guest } of this.#running.values()) guest.close()
    this.#running.clear()
    await this.#deps.network.close()
    await this.#deps.driver.close()
  }

  #take(machineId: string, vm: Vm): void {
    const running: Running = { vm, guest: new GuestClient((op) => vm.connect(op), this.#output), stopping: false }
    this.#running.set(machineId, running)
    void vm.exited.then(({ reason }) => {
      if (running.stopping || this.#running.get(machineId) !== running) return
      this.#running.delete(machineId)
      running.guest.close()
      this.#onExit(machineId, reason)
    })
  }

  #slot(machineId: string): Slot {
    const slot = this.#slots.get(machineId)
    if (!slot) throw new Error(`machine ${machineId} has no slot`)
    return slot
  }
  #theRunning(machineId: string): Running {
    const running = this.#running.get(machineId)
    if (!running) throw new Error(`machine ${machineId} has no VM`)
    return running
  }
  #body(machineId: string): BodyFiles {
    return bodyFiles(join(this.#deps.pool.root, 'machines', machineId))
  }
  #places() {
    const { driver, library, snapshots, pool, runRoot } = this.#deps
    return {
      driver,
      library,
      snapshots,
      machines: join(pool.root, 'machines'),
      uploads: join(pool.root, 'uploads'),
      runRoot,
      isRunning: (id: string) => this.#running.has(id),
    }
  }
  #vmDir(machineId: string): string {
    return join(this.#deps.runRoot, 'vm', machineId)
  }
}
